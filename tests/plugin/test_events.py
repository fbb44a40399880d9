"""Events are kept in the database, whatever the host makes of them; notices are given once."""

import json
import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from alembic import command
from alembic.config import Config
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.errors import NoSuchAccountError, StoreError
from salesorder_m365.plugin.store import accounts, events, grants, migrations
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.upgrade import CURRENT, current_revision
from salesorder_m365.schemas.account import AccountForm
from salesorder_m365.schemas.event import Event
from salesorder_m365.schemas.settings import Key
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

AT = datetime(2026, 1, 2, tzinfo=UTC)
FORMS = {
    number: AccountForm(
        account_name=f"Sales {number}",
        sender_name="Sales",
        sender_email=f"sales{number}@contoso.test",
        use_oauth=True,
        username=f"sales{number}@contoso.test",
    )
    for number in (1, 2)
}


@pytest.fixture
def url(tmp_path):
    yield f"sqlite:///{tmp_path}/accounts.db"
    dispose_engines()


@pytest.fixture
def sent():
    return []


@pytest.fixture
def context(url, sent):
    key = Key(id="k1", secret=bytes(32))
    settings = SimpleNamespace(database_url=url, key_ring=(key,), database_idle=60.0)
    host = SimpleNamespace(
        name="contoso", settings=settings, allows=lambda *_: True, now=lambda: AT
    )
    return Context(host, sent.append)


def kept(context, account_id="m365:1", count=10):
    with reading(context.engine) as connection:
        return events.last_events(connection, account_id, count)


def test_an_event_is_kept_with_worker_time_account_and_details(context, sent):
    context.emit("mail_account_tested", "w1", "m365:1", passed="True", findings="")
    expected = Event(
        name="mail_account_tested",
        at=AT,
        worker="w1",
        account_id="m365:1",
        details={"passed": "True", "findings": ""},
    )
    assert kept(context) == (expected,)
    assert sent == [expected]


def test_the_last_ones_of_the_account_newest_first(context):
    for number in range(12):
        context.emit(f"event_{number}", "w1", "m365:1")
        context.emit("other", "w1", "m365:2")
    assert [event.name for event in kept(context)] == [f"event_{n}" for n in range(11, 1, -1)]
    assert [event.name for event in kept(context, count=2)] == ["event_11", "event_10"]


def test_a_host_that_raises_loses_no_event(context, caplog):
    def full(event):
        raise OSError(event.name)

    Context(context.host, full).emit("mail_account_created", "w1", "m365:1")
    assert [event.name for event in kept(context)] == ["mail_account_created"]
    assert "salesorder_event failed for mail_account_created" in caplog.text


def test_a_database_that_fails_keeps_no_event_from_the_host(context, sent, caplog):
    with writing(context.engine) as connection:
        connection.execute(text("DROP TABLE m365_event"))
    context.emit("mail_account_created", "w1", "m365:1")
    assert [event.name for event in sent] == ["mail_account_created"]
    assert "event mail_account_created was not stored" in caplog.text


def test_a_locked_database_holds_nobody_up(context, sent, tmp_path, caplog):
    context.engine.connect().close()
    with sqlite3.connect(tmp_path / "accounts.db", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        context.emit("mail_account_created", "w1", "m365:1")
        assert time.monotonic() - began < 8  # the usual patience is 15 seconds
        other.execute("ROLLBACK")
    other.close()
    assert len(sent) == 1
    assert "was not stored: The database did not take the change" in caplog.text


def accounts_count(context):
    with reading(context.engine) as connection:
        return len(accounts.read_accounts(connection))


def create(change, number):
    accounts.insert_account(
        change.connection, f"m365:{number}", FORMS[number], request_id=f"r{number}", at=AT, by="w1"
    )
    change.happened("mail_account_created", f"m365:{number}", number=str(number))


def test_a_changes_events_are_stored_with_it_and_told_after_the_commit(context, sent):
    with context.change("w1") as change:
        create(change, 1)
        create(change, 2)
        assert sent == []
    assert [(event.account_id, event.worker, event.at) for event in sent] == [
        ("m365:1", "w1", AT),
        ("m365:2", "w1", AT),
    ]
    assert kept(context) + kept(context, "m365:2") == tuple(sent)
    assert accounts_count(context) == 2


def test_the_host_is_told_when_the_change_can_be_read(context):
    seen = []
    reader = Context(context.host, lambda _: seen.append((accounts_count(context), kept(context))))
    with reader.change("w1") as change:
        create(change, 1)
    [(count, stored)] = seen
    assert (count, [event.name for event in stored]) == (1, ["mail_account_created"])


def test_leaving_a_change_by_return_is_a_commit(context, sent):
    def deleted():
        with context.change("w1") as change:
            change.happened("mail_account_deleted", "m365:1")
            return True

    assert deleted()
    assert kept(context) == tuple(sent) != ()


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        (RuntimeError("a bug"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (NoSuchAccountError("m365:1"), NoSuchAccountError),
        (OperationalError("UPDATE", {}, OSError("disk full")), StoreError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_change_that_fails_stores_and_tells_nothing(context, sent, fault, raised):
    def failing():
        with context.change("w1") as change:
            create(change, 1)
            raise fault

    with pytest.raises(raised):
        failing()
    assert (kept(context), sent, accounts_count(context)) == ((), [], 0)


def test_a_change_whose_commit_fails_is_not_told(context, sent):
    def refused_at_commit():
        with context.change("w1") as change:
            create(change, 1)
            # Checked at the commit only, by SQLite and PostgreSQL alike.
            change.connection.execute(text("PRAGMA defer_foreign_keys = ON"))
            change.connection.execute(
                text(
                    "INSERT INTO m365_folder (account_id, role, path, full_label, uid_validity,"
                    " chosen_by, chosen_at) VALUES ('m365:gone', 'inbox', '', '', 1, '', :at)"
                ),
                {"at": AT},
            )

    with pytest.raises(StoreError, match="FOREIGN KEY"):
        refused_at_commit()
    assert (kept(context), sent, accounts_count(context)) == ((), [], 0)


def test_a_host_that_raises_hears_of_the_other_events(context, caplog):
    told = []

    def at_first_full(event):
        told.append(event.account_id)
        if len(told) == 1:
            raise OSError

    with Context(context.host, at_first_full).change("w1") as change:
        create(change, 1)
        create(change, 2)
    assert told == ["m365:1", "m365:2"]
    assert "salesorder_event failed for mail_account_created" in caplog.text


def test_old_events_go(context):
    with writing(context.engine) as connection:
        for days in (0, 364, 366, 800):
            at = AT - timedelta(days=days)
            events.store_event(connection, Event(name="e", at=at, worker="w", account_id="m365:1"))
        assert events.delete_events(connection, before=AT - timedelta(days=365)) == 2
    assert [(AT - event.at).days for event in kept(context)] == [364, 0]


# Notices ---------------------------------------------------------------------------------------


def test_a_notice_is_given_once_in_its_time(context, sent):
    for _ in range(3):
        context.emit_once("registration", 3600, "registration_refused", code="x")
    assert [(event.name, event.worker, event.details) for event in sent] == [
        ("registration_refused", "m365:system", {"code": "x"})
    ]
    context.emit_once("another", 3600, "registration_refused")
    assert len(sent) == 2


def test_a_notice_is_given_again_later(context, sent):
    context.emit_once("registration", 3600, "registration_refused")
    with writing(context.engine) as connection:
        connection.execute(text("UPDATE m365_notice SET given_at = given_at - 3601"))
    context.emit_once("registration", 3600, "registration_refused")
    assert len(sent) == 2
    with reading(context.engine) as connection:
        assert events.notice_given(connection, "registration", 3600)
        assert not events.notice_given(connection, "registration", -1)


def test_of_many_workers_at_once_one_gives_the_notice(context, sent):
    context.engine.connect().close()
    at_once = threading.Barrier(8)

    def worker():
        at_once.wait(10)
        context.emit_once("registration", 3600, "registration_refused")

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(sent) == 1


def test_a_notice_that_cannot_be_claimed_is_in_the_log(context, sent, caplog):
    caplog.set_level(logging.ERROR)
    with writing(context.engine) as connection:
        connection.execute(text("DROP TABLE m365_notice"))
    context.emit_once("registration", 3600, "registration_refused")
    assert sent == []
    assert "notice registration was not given" in caplog.text


# Upgrade ---------------------------------------------------------------------------------------


def database_at(path, revision):
    """Make a database as an older version of the plugin left it."""
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = "m365_alembic_version"
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def test_a_database_of_0001_is_upgraded_with_all_that_is_in_it(url, tmp_path):
    ring = KeyRing((Key(id="k1", secret=bytes(32)),))
    file = tmp_path / "accounts.db"
    database_at(file, "0001")
    place = grants._place("m365:1", "access_token")
    with sqlite3.connect(file) as old:
        old.execute(
            "INSERT INTO m365_account VALUES ('m365:1', 'r', 'Sales', 'sales', 'S', 's@c.test',"
            " 's@c.test', '2026-01-02 00:00:00.000000', 'w', NULL)"
        )
        old.execute(
            "INSERT INTO m365_grant (account_id, tenant_id, object_id, username, granted_at,"
            " access_token, expires_at, scopes, msal_cache, token_version) VALUES"
            " ('m365:1', 't', 'o', 's@c.test', '2026-01-02 00:00:00.000000', ?, 7, 'a', ?, 3)",
            (ring.seal(b"token", place), b""),
        )
    old.close()
    engine = engine_for("contoso", url)
    with reading(engine) as connection:
        assert current_revision(connection) == CURRENT
        row = grants.read_grant(connection, "m365:1")
        assert (row.open_token(ring), row.token_version, row.granted_at) == ("token", 3, AT)
        assert events.last_events(connection, "m365:1") == ()
    with writing(engine) as connection:
        events.store_event(connection, Event(name="e", at=AT, worker="w", account_id="m365:1"))
        assert events.claim_notice(connection, "n", 60)


def test_details_are_plain_json(context, tmp_path):
    context.emit("mail_account_tested", "w1", "m365:1", passed="True")
    with sqlite3.connect(tmp_path / "accounts.db") as raw:
        [(details,)] = raw.execute("SELECT details FROM m365_event").fetchall()
    raw.close()
    assert json.loads(details) == {"passed": "True"}
