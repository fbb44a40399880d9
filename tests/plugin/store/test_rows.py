"""Rows of accounts and attempts: versions of the form, what made an account, an outcome kept."""

from datetime import UTC, datetime, timedelta

import pytest
from salesorder_m365.plugin.store import accounts, attempts
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.schemas.account import AccountForm

AT = datetime(2026, 1, 2, tzinfo=UTC)
FORM = AccountForm(
    account_name="Sales",
    sender_name="Contoso Sales",
    sender_email="sales@contoso.test",
    use_oauth=True,
    username="sales@contoso.test",
)


@pytest.fixture
def engine(tmp_path):
    engine = engine_for("contoso", f"sqlite:///{tmp_path}/accounts.db")
    with writing(engine) as connection:
        accounts.insert_account(
            connection, "m365:1", FORM, request_id="r", request_digest="d", at=AT, by="alice"
        )
    yield engine
    dispose_engines()


def test_of_two_saves_of_one_version_the_first_counts(engine):
    with writing(engine) as connection:
        seen = accounts.require_account(connection, "m365:1").version
        saved = [
            accounts.update_account(connection, "m365:1", FORM, version=version)
            for version in (seen, seen, seen + 1, None)
        ]
        assert saved == [True, False, True, True]
        assert accounts.require_account(connection, "m365:1").version == seen + 3


def test_a_request_is_known_by_its_worker_and_its_values(engine):
    with reading(engine) as connection:
        assert accounts.read_request(connection, "r") == accounts.Request("m365:1", "alice", "d")
        assert accounts.read_request(connection, "another") is None


def test_the_outcome_of_a_consumed_attempt_is_kept(engine):
    state = "a-state"
    attempt = attempts.Attempt(
        state_hash=attempts.digest(state),
        purpose="login",
        account_id="m365:1",
        worker="alice",
        browser_hash=attempts.digest("browser"),
        authority="https://login.example.com/contoso.test",
        return_to="/mail/1",
        username="sales@contoso.test",
        flow=b"sealed",
        expires_at=AT + timedelta(minutes=10),
    )
    with writing(engine) as connection:
        attempts.store_attempt(connection, attempt, now=AT)
        attempts.store_outcome(connection, attempt.state_hash, {"code": "too early"})
        assert attempts.find_attempt(connection, state).outcome is None
        who = {"worker": "alice", "browser": "browser"}
        assert attempts.consume_attempt(connection, state, **who, now=AT)
        attempts.store_outcome(connection, attempt.state_hash, {"code": "connected"})
        assert attempts.find_attempt(connection, state).outcome == {"code": "connected"}
