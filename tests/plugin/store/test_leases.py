"""The grant's row: one lease at a time, and a stale writer loses."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from salesorder_m365.plugin.entra.tokens import Tokens
from salesorder_m365.plugin.store import accounts, grants
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.tables import account, grant
from salesorder_m365.schemas.settings import Key

AT = datetime(2026, 1, 2, tzinfo=UTC)
RING = KeyRing((Key(id="k1", secret=bytes(32)),))


def tokens(name="first"):
    return Tokens(access_token=name, lifetime=100, scopes=("a", "b"), msal_cache="{}")


@pytest.fixture
def engine(tmp_path):
    engine = engine_for("contoso", f"sqlite:///{tmp_path}/accounts.db")
    with writing(engine) as connection:
        connection.execute(
            account.insert().values(
                id="m365:1",
                request_id="r",
                name="Sales",
                name_key="sales",
                sender_name="Sales",
                sender_email="sales@contoso.test",
                username="sales@contoso.test",
                created_at=AT,
                created_by="w",
            )
        )
        put(connection)
    yield engine
    dispose_engines()


def put(connection, username="sales@contoso.test", **kind):
    grants.put_grant(
        connection,
        RING,
        "m365:1",
        tokens(),
        tenant_id="t",
        object_id="o",
        username=username,
        granted_at=AT,
        **kind,
    )


@pytest.fixture
def read(engine):
    def read():
        with reading(engine) as connection:
            return grants.read_grant(connection, "m365:1")

    return read


def test_a_grant_comes_back_as_it_was_put(read):
    row = read()
    assert (row.open_token(RING), row.open_cache(RING), row.open_claims(RING)) == (
        "first",
        "{}",
        None,
    )
    assert (row.granted_at, row.refused, row.tried_at) == (AT, None, None)
    assert 0 < row.token_version <= 2**30
    assert row.obtained_at == pytest.approx(row.read_at, abs=5)


def test_a_grant_is_a_persons_or_the_apps_own(engine, read):
    assert read().kind is grants.GrantKind.PERSON
    with writing(engine) as connection:
        put(connection, username=grants.APP_USERNAME, kind=grants.GrantKind.APP)
    assert read().kind is grants.GrantKind.APP


def test_the_kind_of_a_grant_that_an_older_version_stored_is_known_by_its_name(engine, read):
    kinds = []
    for username in ("sales@contoso.test", "the app itself"):
        with writing(engine) as connection:
            connection.execute(grant.update().values(kind=None, username=username))
            (row,) = accounts.read_accounts(connection)
            kinds.append((row.kind, grants.read_token(connection, "m365:1").kind))
    assert kinds == [(grants.GrantKind.PERSON,) * 2, (grants.GrantKind.APP,) * 2]


def test_only_one_takes_the_lease(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        assert not grants.take_lease(connection, row, "two", 30)


def test_a_lease_runs_out_by_the_databases_clock(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        connection.execute(grant.update().values(lease_until=row.read_at - 1))
        taken = grants.read_grant(connection, "m365:1")
        assert not taken.leased(30)
        assert grants.take_lease(connection, taken, "two", 30)


def test_no_lease_ends_later_than_it_may(engine, read):
    with writing(engine) as connection:
        assert grants.take_lease(connection, read(), "one", 30)
        # As it stands after the clock was set back an hour.
        connection.execute(grant.update().values(lease_until=read().read_at + 3600))
        row = grants.read_grant(connection, "m365:1")
        assert not row.leased(30)
        assert grants.take_lease(connection, row, "two", 30)
        assert grants.read_grant(connection, "m365:1").leased(30)


def test_of_two_answers_for_one_version_the_first_counts(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        assert grants.write_tokens(connection, RING, row, tokens("first come"))
        assert not grants.write_tokens(connection, RING, row, tokens("stale"))
    assert read().open_token(RING) == "first come"
    assert read().lease_owner is None


def test_an_answer_clears_the_mark_and_the_wait_that_others_set_meanwhile(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "two", 30)
        assert grants.refuse_grant(connection, RING, row, "two", code="x", claims='{"a": 1}')
        connection.execute(grant.update().values(not_before=2e9, wait_reason={"code": "x"}))
        assert grants.write_tokens(connection, RING, row, tokens("late"))
    found = read()
    assert (found.open_token(RING), found.refused, found.open_claims(RING)) == ("late", None, None)
    assert (found.wait_left, found.last_wait, found.wait_reason) == (0, 0, None)


def test_an_answer_for_a_deleted_grant_never_fits_its_successor(engine, read):
    row = read()
    with writing(engine) as connection:
        for _ in range(50):
            grants.delete_grant(connection, "m365:1")
            put(connection)
            assert not grants.write_tokens(connection, RING, row, tokens("stale"))


@pytest.mark.parametrize(
    ("stored", "left", "last"),
    [
        ({"not_before": 60}, 60, 0),
        ({"not_before": 60, "wait_set_at": 0}, 60, 60),
        ({"not_before": 30, "wait_set_at": -30}, 30, 60),
        ({"not_before": -1, "wait_set_at": -61}, 0, 60),
        ({"not_before": 3605, "wait_set_at": 3600}, 0, 5),  # set back an hour
        ({"not_before": 905, "wait_set_at": 900}, 0, 5),  # and by 15 minutes
        ({"not_before": 3605}, 0, 0),  # by a version that does not say when
        ({"not_before": 7200, "wait_set_at": 0}, 0, 3600),
    ],
)
def test_what_is_left_of_a_wait(read, stored, left, last):
    row = read()
    row = replace(row, **{name: row.read_at + at for name, at in stored.items()})
    assert row.wait_left == pytest.approx(left, abs=0.001)
    assert row.last_wait == pytest.approx(last, abs=0.001)


def test_a_new_sign_in_beats_a_refresh_under_way(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        put(connection)
        assert not grants.write_tokens(connection, RING, row, tokens("stale"))
        assert not grants.refuse_grant(connection, RING, row, "one", code="x", claims=None)
    assert (read().open_token(RING), read().token_version) == ("first", row.token_version + 1)


def test_unreadable_claims_are_none(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        assert grants.refuse_grant(connection, RING, row, "one", code="x", claims='{"a":1}')
    lost = KeyRing((Key(id="k2", secret=b"x" * 32),))
    assert (read().open_claims(lost), read().open_claims(RING)) == (None, '{"a":1}')


def test_a_refused_grant_is_kept(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        assert grants.refuse_grant(
            connection, RING, row, "one", code="grant_refused", claims='{"a":1}'
        )
    assert (read().refused, read().open_claims(RING), read().open_token(RING)) == (
        "grant_refused",
        '{"a":1}',
        "first",
    )


def test_after_a_fault_nobody_asks_again_for_a_while(engine, read):
    row = read()
    with writing(engine) as connection:
        assert grants.take_lease(connection, row, "one", 30)
        grants.release_lease(connection, row, "one", wait=60, reason={"code": "x"})
    assert 59 < read().wait_left <= 60
    assert read().last_wait == pytest.approx(60)
    assert read().wait_reason == {"code": "x"}
    assert read().lease_owner is None


def test_no_secret_stands_in_the_row_or_its_repr(engine, read):
    row = read()
    assert b"first" not in row.access_token
    assert "first" not in repr(tokens())
    assert repr(row.access_token) not in repr(row)
