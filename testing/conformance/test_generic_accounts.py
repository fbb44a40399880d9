"""The host's Generic accounts: what is deleted can be put back as it was, as often as it is asked.

A run of replace or restore may be killed anywhere, and the next one asks the host for the same
again; so each of its methods must bear that.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias, cast

import pytest

if TYPE_CHECKING:
    from salesorder_m365.hooks import GenericAccount, GenericHost
    from salesorder_m365.testing.running import Running

Kept: TypeAlias = "dict[str, tuple[GenericAccount, str]]"
SUCCESSOR = "m365:conformance"


def test_no_generic_account_is_lost(erp: Running, other: Running) -> None:
    """Deleted, put back, replaced and restored: afterwards everything is as it was."""
    host = _with_generic_accounts(erp)
    beside = _kept(_with_generic_accounts(other))
    before = _kept(host)
    for generic_id in before:
        _deleted_and_put_back(host, generic_id, before)
    _replaced_and_restored(erp, host, before)
    assert _kept(_with_generic_accounts(other)) == beside, "Another database lost an account."


def _with_generic_accounts(running: Running) -> GenericHost:
    if not hasattr(running.host, "generic_accounts"):
        pytest.skip("this host has no Generic accounts, which it need not")
    host = cast("GenericHost", running.host)
    if len(host.generic_accounts()) < 2:
        pytest.fail("The host under test must begin with two Generic accounts at least.")
    return host


def _kept(host: GenericHost) -> Kept:
    """Return every account as it is listed, with a digest of all that is exported of it."""
    return {
        account.id: (account, sha256(_settings(host, account.id).encode()).hexdigest())
        for account in host.generic_accounts()
    }


def _settings(host: GenericHost, generic_id: str) -> str:
    settings = host.export_generic(generic_id)
    assert settings, "export_generic must return the settings of an account that is there."
    return settings


def _deleted_and_put_back(host: GenericHost, generic_id: str, before: Kept) -> None:
    # Settings hold passwords: results get names of their own, so that no failure shows arguments.
    settings = _settings(host, generic_id)
    foreign = _settings(host, next(known for known in before if known != generic_id))
    gone = host.delete_generic(generic_id, foreign, SUCCESSOR)
    assert gone is False, (
        "delete_generic must refuse an account that is another than in `settings`: somebody has"
        " changed it since the copy was made."
    )
    assert _kept(host) == before, "A refused deletion must change nothing."
    for _ in ("deleted", "asked again"):
        gone = host.delete_generic(generic_id, settings, SUCCESSOR)
        assert gone is True, "delete_generic must tell that the account is gone."
        left = {known: value for known, value in before.items() if known != generic_id}
        assert _kept(host) == left, "delete_generic must delete this account and no other."
    assert host.export_generic(generic_id) is None
    for _ in ("put back", "asked again"):
        host.put_back_generic(generic_id, settings)
        assert _kept(host) == before, (
            "put_back_generic must make the account again under its old id and with all that"
            " export_generic gave: passwords, and what used it."
        )


def _replaced_and_restored(erp: Running, host: GenericHost, before: Kept) -> None:
    who = {"host": host, "kind": "m365", "worker": erp.adapter.worker}
    asked = {**who, "generic_ids": None, "progress": None}
    replaced = erp.hook.salesorder_generic_accounts_replace(**asked, force=True)
    done = {outcome.generic_id for outcome in replaced.outcomes if outcome.code == "replaced"}
    assert done, f"No account was replaced: {[each.message for each in replaced.outcomes]}"
    assert set(_kept(host)) == set(before) - done
    erp.hook.salesorder_generic_accounts_restore(**asked, keep_new=False)
    assert _kept(host) == before, "An account that was replaced and restored is not as it was."
