"""Faults of the keys: D7, missing; D8, wrong; D9, killed while they are rotated."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from marshmallow import ValidationError
from salesorder_m365.plugin.errors import SealError
from salesorder_m365.plugin.store import engines, grants
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.vault import rotation
from salesorder_m365.schemas.settings import load_settings

from .bench import Bench, another_key
from .registry import fault


@fault(
    "D7",
    "no key in the settings",
    expected={"refused": "key_ring"},
)
def no_key(bench: Bench) -> Mapping[str, Any]:
    values = bench.values()
    del values["key_ring"]
    try:
        load_settings(values)
    except ValidationError as err:
        return {"refused": ", ".join(err.messages_dict)}
    return {"refused": "nothing"}


_SEALED = {
    "valid token": "SealError",
    "no token": "SealError",
    "POSTs": 0,
    "grant": "unchanged",
    "lease": "free",
    "with the right key": "token",
}


@fault("D7", "the ring has another key only", expected=_SEALED)
def key_missing(bench: Bench) -> Mapping[str, Any]:
    return _with_ring(bench, another_key(f"k{os.urandom(4).hex()}"))


@fault("D8", "another key under the same id", expected=_SEALED)
def wrong_key(bench: Bench) -> Mapping[str, Any]:
    return _with_ring(bench, another_key("k1"))


def _with_ring(bench: Bench, ring: str) -> dict[str, Any]:
    assert bench.account
    kept, host = bench.kept(), bench.host(key_ring=ring)
    valid = bench.ask(host)
    unchanged = bench.kept() == kept
    bench.expire()
    kept = bench.kept()
    expired, posts, row = bench.ask(host), bench.posts, bench.row()
    return {
        "valid token": valid.kind,
        "no token": expired.kind,
        "POSTs": posts,
        "grant": "unchanged" if unchanged and bench.kept() == kept else "CHANGED",
        "lease": "free" if row.lease_owner is None else "HELD",
        "with the right key": bench.ask().kind,
    }


@fault(
    "D9",
    "kill -9 in a rotation, {}",
    expected={"rows that open": 4, "then rotated": "0 remain", "with the new key alone": 4},
    cases={"before the first COMMIT": 0, "after the first": 1, "half-way": 4},
)
def killed_rotation(first: Bench, batches: int) -> Mapping[str, Any]:
    # A database of its own: the others' rows keep their key.
    bench = replace(first, url=first.lab.new_url(first.database))
    first.stack.callback(bench.close)
    accounts = [bench.connected(bench.erp) for _ in range(4)]
    new = another_key("k2")
    both = bench.host(key_ring=f"{new},{bench.lab.key_ring}")
    settings = bench.values(key_ring=f"{new},{bench.lab.key_ring}")
    worker = bench.worker(do="rotate", settings=settings, batch=1, stop_after=batches)
    assert [worker.report()["at"] for _ in range(2)] == ["begin", "batch"]
    worker.kill()
    opens = _opening(bench, accounts, both)
    rotated = rotation.rotate(bench.engine, KeyRing(both.settings.key_ring))
    alone = _opening(bench, accounts, bench.host(key_ring=new))
    return {
        "rows that open": opens,
        "then rotated": f"{rotated.remaining} remain",
        "with the new key alone": alone,
    }


def _opening(bench: Bench, accounts: list[str], host: Any) -> int:
    """Count the accounts whose token and refresh token open with the host's ring."""
    ring, opened = KeyRing(host.settings.key_ring), 0
    for account in accounts:
        with engines.reading(bench.engine) as connection:
            row = grants.read_grant(connection, account)
        assert row is not None
        with suppress(SealError):
            opened += bool(row.open_token(ring) and row.open_cache(ring))
    return opened
