"""Replacing and restoring, where it goes wrong: hosts that fail, changes and runs at the same time.

Kills are in tests/demo/test_generic_kills.py.
"""

import base64
import os
import sqlite3
import threading
from collections import Counter
from dataclasses import replace

import pytest
from faults.postgres import NotInstalledError, Postgres
from salesorder_m365.plugin.errors import (
    BadRequestError,
    HostFailedError,
    NotAllowedError,
    SealError,
)
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading
from salesorder_m365.plugin.store.retired import read_rows
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.vault import rotation
from salesorder_m365.schemas.permission import Permission
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.schemas.view import AccountState
from support.erp import WORKER
from support.generic_host import SECRET, GenericErp, generic

KEY = "k1:" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a host with these Generic accounts; it needs no Microsoft."""

    def make(*accounts, **changes):
        values = {
            "tenant": "contoso.test",
            "client_id": "00000000-0000-4000-8000-000000000001",
            "client_secret": "1",
            "base_url": "https://erp.example.com",
            "database_url": f"sqlite:///{tmp_path}/m365.db",
            "key_ring": KEY,
        }
        return GenericErp(load_settings(values | changes), *accounts)

    yield make
    dispose_engines()


@pytest.fixture
def host(make):
    return make(generic(1), generic(2, "invoices@contoso.test"))


def rows_of(host):
    with reading(engine_for(host.name, host.settings.database_url)) as connection:
        return read_rows(connection)


def states(host):
    return {id_: row.state for id_, row in rows_of(host).items()}


def codes(outcomes):
    return {id_: outcome.code for id_, outcome in outcomes.items()}


# The way there and back ------------------------------------------------------------------------


def test_there_and_back_everything_is_as_before(host):
    before = dict(host.old), dict(host.passwords)
    assert codes(host.replace(force=True)) == {"g1": "replaced", "g2": "replaced"}
    assert (host.old, len(host.accounts())) == ({}, 2)
    host.passwords = {}
    assert codes(host.restore()) == {"g1": "restored", "g2": "restored"}
    assert {old.name for old in host.old.values()} == {old.name for old in before[0].values()}
    assert (host.passwords, host.accounts()) == (before[1], {})


def test_running_again_changes_nothing(host):
    host.replace(force=True)
    before, calls = rows_of(host), len(host.calls)
    assert codes(host.replace(force=True)) == {"g1": "replaced", "g2": "replaced"}
    assert rows_of(host) == before
    assert host.calls[calls:] == [("list", "")]
    assert len(host.accounts()) == 2


def test_restored_accounts_can_be_replaced_again(host):
    for _ in range(3):
        assert set(codes(host.replace(force=True)).values()) == {"replaced"}
        assert len(host.accounts()) == 2
        assert set(codes(host.restore()).values()) == {"restored"}
        assert (len(host.old), len(host.accounts())) == (2, 0)


def test_a_restore_before_the_deletion_takes_the_new_account_away_again(host):
    host.replace("g1")
    assert codes(host.restore()) == {"g1": "restored"}
    assert (list(host.old), host.accounts()) == (["g1", "g2"], {})
    assert ("delete", "g1") not in host.calls


def test_the_new_account_may_stay(host):
    host.replace("g1", force=True)
    host.restore(keep_new=True)
    assert (len(host.old), list(host.accounts())) == (2, ["sales@contoso.test"])
    # Replaced again, it takes the place again.
    host.replace("g1", force=True)
    assert len(host.accounts()) == 1


def test_the_old_account_is_back_before_the_new_one_goes(host):
    def look(method, _generic_id):
        if method == "put_back":
            seen.append(len(host.accounts()))

    seen = []
    host.replace("g1", force=True)
    host.before = look
    host.restore()
    assert seen == [1]


def test_one_new_account_for_two_with_the_same_address(make):
    host = make(generic(1), generic(2, "SALES@contoso.test"))
    assert [c.code for c in host.lines()["g2"].conflicts] == ["duplicate"]
    host.replace(force=True)
    (view,) = host.accounts().values()
    assert host.successors == {"g1": view.id, "g2": view.id}
    host.restore("g1")
    assert list(host.accounts()) == ["sales@contoso.test"], "g2 needs it"
    host.restore("g2")
    assert len(host.old) == 2


def test_an_account_that_was_there_before_takes_the_place_and_stays(host):
    known = host.save(account_name="By hand")
    assert [c.code for c in host.lines()["g1"].conflicts] == ["mailbox_known"]
    assert host.lines()["g1"].suggested.account_name == "By hand"
    host.replace("g1", force=True)
    assert host.successors == {"g1": known.id}
    host.restore("g1")
    assert list(host.accounts()) == ["sales@contoso.test"]


def test_a_new_account_that_was_deleted_is_made_again(host):
    account_id = host.replace("g1")["g1"].account_id
    host.hook.salesorder_account_delete(host=host, account_id=account_id, worker=WORKER)
    assert host.lines()["g1"].state == "waiting"
    again = host.replace("g1")["g1"].account_id
    assert again != account_id
    assert host.view(again).state == "draft"


def test_one_that_is_deleted_by_hand_meanwhile_can_still_be_restored(host):
    host.replace("g1")
    del host.old["g1"]
    assert host.replace("g1", force=True)["g1"].code == "replaced"
    host.restore("g1")
    assert "g1" in host.old


def test_unknown_ids_are_gone(host):
    assert codes(host.replace("g9")) == {"g9": "gone"}
    assert codes(host.restore("g1")) == {"g1": "gone"}


def test_what_stands_in_the_way_is_left_alone(make):
    host = make(generic(1, ""), generic(2))
    outcomes = host.replace(force=True)
    assert codes(outcomes) == {"g1": "conflict", "g2": "replaced"}
    assert "Enter the address" in outcomes["g1"].message
    assert list(host.old) == ["g1"]


# At the same time ------------------------------------------------------------------------------


def test_a_password_changed_after_the_copy_is_in_the_copy(host):
    host.replace("g1")
    host.passwords["g1"] = "newer"
    assert host.replace("g1", force=True)["g1"].code == "replaced"
    host.passwords.clear()
    host.restore("g1")
    assert host.passwords["g1"] == "newer"


def test_one_that_somebody_keeps_changing_stays(host):
    def change(method, generic_id):
        if method == "delete":
            host.passwords[generic_id] += "!"

    host.before = change
    assert host.replace("g1", force=True)["g1"].code == "changed"
    assert ("g1" in host.old, states(host)) == (True, {"g1": "waiting"})
    host.before = lambda *_: None
    assert host.replace("g1", force=True)["g1"].code == "replaced"


def test_of_a_restore_and_a_replacement_at_once_the_restore_counts(host):
    def restore(method, _generic_id):
        if method == "delete":
            host.before = lambda *_: None
            host.restore("g1")

    host.before = restore
    assert host.replace("g1", force=True)["g1"].code == "restored"
    assert "g1" in host.old
    assert states(host) == {"g1": "restored"}


@pytest.fixture(scope="module")
def postgres():
    try:
        with Postgres() as server:
            yield server
    except NotInstalledError as err:
        pytest.skip(str(err))


@pytest.fixture(params=["sqlite", "postgresql"])
def on(request, tmp_path):
    """The URL of a new database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/m365.db"
    return request.getfixturevalue("postgres").create("retired")


def test_many_runs_at_once_do_each_step_once(make, on):
    host = make(*(generic(n, f"branch{n}@contoso.test") for n in range(6)), database_url=on)
    host.plan()

    def at_once(run, expected):
        ready, ends = threading.Barrier(4), []

        def one():
            ready.wait(10)
            ends.append(set(codes(run()).values()))

        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        # One that comes late finds nothing left to restore.
        assert len(ends) == 4
        assert set().union(*ends) == {expected}

    at_once(lambda: host.replace(force=True), "replaced")
    assert (host.old, len(host.accounts())) == ({}, 6)
    at_once(host.restore, "restored")
    assert (len(host.old), host.accounts()) == (6, {})
    assert Counter(host.event_names()) == {
        f"mail_account_{step}": 6
        for step in ("created", "generic_kept", "generic_deleted", "generic_restored", "deleted")
    }


# The host fails --------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["export", "delete"])
def test_a_host_that_fails_for_one_goes_on_with_the_next(host, caplog, method):
    def fail(called, generic_id):
        if (called, generic_id) == (method, "g1"):
            raise OSError("disk full of secrets")

    host.before = fail
    outcomes = host.replace(force=True)
    assert codes(outcomes) == {"g1": "failed", "g2": "replaced"}
    assert outcomes["g1"].message.startswith(str(HostFailedError()))
    assert "disk full" not in outcomes["g1"].message
    assert "disk full" in caplog.text
    assert "g1" in host.old
    host.before = lambda *_: None
    assert host.replace("g1", force=True)["g1"].code == "replaced"


def test_a_host_that_cannot_put_back_keeps_the_copy(host):
    def fail(called, _generic_id):
        if called == "put_back":
            raise OSError

    host.replace("g1", force=True)
    host.before = fail
    assert host.restore("g1")["g1"].code == "failed"
    assert (states(host), len(host.accounts())) == ({"g1": "restoring"}, 1)
    host.before = lambda *_: None
    # The restore that was begun is finished first, then the account is replaced again.
    assert host.replace("g1", force=True)["g1"].code == "replaced"
    assert host.event_names().count("mail_account_generic_restored") == 1


def test_a_list_that_cannot_be_had_is_an_error_of_its_own(host, mocker):
    mocker.patch.object(host, "generic_accounts", side_effect=OSError)
    with pytest.raises(HostFailedError, match="its own Generic accounts"):
        host.plan()


@pytest.mark.parametrize("generic_id", ["", "g" * 201])
def test_an_id_that_the_contract_does_not_allow_is_the_hosts_to_mend(make, generic_id):
    host = make(replace(generic(), id=generic_id))
    with pytest.raises(BadRequestError, match=r"GenericAccount\.id"):
        host.replace()
    assert list(host.old) == [generic_id]


def test_who_may_replace_but_not_test_is_told(host, mocker):
    mocker.patch(
        "salesorder_m365.plugin.generic.replacing.state_of", return_value=AccountState.CONNECTED
    )
    host.denied = {Permission.TEST}
    outcome = host.replace("g1")["g1"]
    refusal = NotAllowedError(WORKER, Permission.TEST, None).finding
    assert (outcome.code, outcome.message) == (
        "failed",
        f"{refusal.title}. The ERP did not allow it: the permission mail_accounts.test is needed.",
    )
    assert "g1" in host.old


# The copy --------------------------------------------------------------------------------------


def test_the_copy_is_sealed_and_the_password_shows_nowhere(host, tmp_path, caplog):
    host.replace(force=True)
    plan, rows = host.plan(), rows_of(host)
    dispose_engines()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"Branch 1" in stored
    assert SECRET.encode() not in stored
    assert SECRET not in f"{plan}{rows}{host.events}{caplog.text}"


def test_a_copy_does_not_open_in_anothers_place(host, tmp_path):
    host.replace(force=True)
    with sqlite3.connect(tmp_path / "m365.db") as database:
        database.execute(
            "UPDATE m365_retired SET settings ="
            " (SELECT settings FROM m365_retired WHERE generic_id = 'g2') WHERE generic_id = 'g1'"
        )
    database.close()
    with pytest.raises(SealError, match="does not open with key k1") as refused:
        host.restore("g1")
    assert "m365_retired.settings" in refused.value.finding.what
    assert host.old == {}


def test_keys_are_rotated_under_the_copies_too(host):
    host.replace(force=True)
    newer = "k2:" + base64.b64encode(os.urandom(32)).decode()
    settings = load_settings(vars_of(host.settings) | {"key_ring": f"{newer} {KEY}"})
    engine = engine_for(host.name, settings.database_url)
    assert rotation.rotate(engine, KeyRing(settings.key_ring)).remaining == 0
    host.settings = load_settings(vars_of(host.settings) | {"key_ring": newer})
    assert set(codes(host.restore()).values()) == {"restored"}
    assert host.passwords["g1"] == f"{SECRET}-g1"


def vars_of(settings):
    names = ("tenant", "client_id", "client_secret", "base_url", "database_url")
    return {name: getattr(settings, name) for name in names}


# The plan --------------------------------------------------------------------------------------

LONG = (
    "Ein Konto mit einem sehr langen Namen, länger als das Formular der neuen erlaubt, viel länger"
)
PLANNED = {
    "plain": (generic(), {}, []),
    "no address": (generic(address=" "), {}, ["address_missing"]),
    "no mail address": (generic(address="sales@"), {}, ["address_invalid"]),
    "foreign": (generic(address="a@fabrikam.test"), {"mail_domains": "x.test"}, ["domain_foreign"]),
    "own": (generic(address="a@X.test"), {"mail_domains": "x.test, y.test"}, []),
    "the tenant's": (generic(), {"mail_domains": "x.test"}, []),
    "private": (generic(address="somebody@outlook.com"), {}, ["domain_private"]),
    "told to be ours": (
        generic(address="somebody@outlook.com"),
        {"mail_domains": "outlook.com"},
        [],
    ),
    "long name": (generic(name=LONG), {}, ["name_taken"]),
    "direction override": (generic(name="\u202eselaS"), {}, ["not_usable"]),
}


@pytest.mark.parametrize(("account", "changes", "expected"), PLANNED.values(), ids=PLANNED)
def test_what_the_plan_remarks(make, account, changes, expected):
    host = make(account, **changes)
    host.save(account_name=LONG[:80].strip(), sender_email="x@contoso.test")
    line = host.lines()["g1"]
    assert [conflict.code for conflict in line.conflicts] == expected
    assert line.state == ("conflict" if any(c.blocks for c in line.conflicts) else "ready")
    assert (line.suggested is None) == (line.state == "conflict")


FORMS = {
    "as it is": ({}, ("Branch 1", "Branch", "sales@contoso.test", "sales@contoso.test")),
    "shared mailbox": (
        {"address": "info@contoso.test", "username": "Branch@Contoso.test"},
        ("Branch 1", "Branch", "info@contoso.test", "Branch@contoso.test"),
    ),
    "a user name of before": (
        {"username": "CONTOSO\\sales"},
        ("Branch 1", "Branch", "sales@contoso.test", "sales@contoso.test"),
    ),
    "no names": (
        {"name": "", "sender_name": " "},
        ("sales@contoso.test", "sales@contoso.test", "sales@contoso.test", "sales@contoso.test"),
    ),
    "line breaks": (
        {"name": "Sales\r\nDesk\t1", "sender_name": "S\0"},
        ("Sales Desk 1", "S", "sales@contoso.test", "sales@contoso.test"),
    ),
}


@pytest.mark.parametrize(("changes", "expected"), FORMS.values(), ids=FORMS)
def test_how_the_new_accounts_form_is_filled_in(make, changes, expected):
    host = make(generic(**changes))
    form = host.lines()["g1"].suggested
    assert (form.account_name, form.sender_name, form.sender_email, form.username) == expected
    host.replace()
    assert host.view(host.lines()["g1"].account_id).values == form


def test_the_plan_is_by_name_and_promises_names_that_are_free(make):
    accounts = [replace(generic(n, f"b{n}@contoso.test"), name="Branch") for n in range(3)]
    host = make(*accounts)
    planned = [line.suggested.account_name for line in host.plan().accounts]
    assert planned == ["Branch", "Branch (2)", "Branch (3)"]
    host.replace()
    assert sorted(view.values.account_name for view in host.accounts().values()) == planned


def test_the_plan_knows_domains_only_if_told(make):
    assert make(generic()).plan().domains == ()
    assert make(generic(), mail_domains="@x.test").plan().domains == ("contoso.test", "x.test")


def test_planning_changes_nothing(host):
    host.plan()
    assert host.calls == [("list", "")]
    assert (host.accounts(), rows_of(host)) == ({}, {})
    assert host.events == []


def test_a_row_shows_no_copy_in_its_repr(host):
    host.replace("g1")
    assert "settings" not in repr(rows_of(host)["g1"])
