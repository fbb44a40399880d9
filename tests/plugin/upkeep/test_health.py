"""Health, through the hook: each thing that can be wrong is a finding with its remedy."""

import base64
import os
from datetime import UTC, datetime, timedelta

import pytest
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.simulator.identity.faults import TokenFault
from sqlalchemy import text
from support.client_certificate import certificate_pem
from support.erp import WORKER, Erp


@pytest.fixture
def erp(sim, settings_for):
    yield Erp(settings_for(sim))
    dispose_engines()


@pytest.fixture
def health(erp):
    def health():
        [findings] = erp.hook.salesorder_health(host=erp, worker=WORKER)
        assert all(found.steps and found.title for found in findings)
        return {found.code: found for found in findings}

    return health


def expires_in(days):
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def execute(erp, statement):
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(statement)


@pytest.fixture
def changed(erp, sim, settings_for):
    """Let the host restart with other settings."""
    ring = erp.settings.key_ring

    def change(**changes):
        dispose_engines()
        kept = {
            "database_url": erp.settings.database_url,
            "key_ring": " ".join(f"{k.id}:{base64.b64encode(k.secret).decode()}" for k in ring),
        }
        erp.settings = settings_for(sim, **kept | changes)

    return change


def test_good_health_asks_nobody(erp, sim, health):
    erp.connected(sim)
    sim.requests.clear()
    assert health() == {}
    assert list(sim.requests) == []


@pytest.mark.parametrize(
    ("days", "codes"),
    [
        (31, set()),
        (30, {"credential_expiring"}),
        (0, {"credential_expiring"}),
        (-1, {"credential_expired"}),
    ],
)
def test_the_client_secret(health, changed, days, codes):
    changed(client_secret_expires=expires_in(days))
    found = health()
    assert found.keys() == codes
    for finding in found.values():
        assert "client secret" in finding.what
        assert expires_in(days) in finding.what


def test_the_certificate(health, changed, tmp_path):
    file = tmp_path / "client.pem"
    file.write_bytes(certificate_pem(days=3))
    changed(client_secret=None, client_certificate=str(file))
    assert "certificate" in health()["credential_expiring"].title
    file.unlink()
    assert health().keys() == {"certificate_unreadable"}


def test_a_refused_registration_for_an_hour(erp, sim, health):
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    sim.faults.add(TokenFault(error="invalid_client", aadsts=7000222, status=401))
    erp.test(account_id)
    assert health().keys() == {"registration_refused"}
    assert erp.view(account_id).state == "connected"
    execute(erp, text("UPDATE m365_notice SET given_at = given_at - 3601"))
    assert health() == {}


@pytest.mark.parametrize("minutes", [-10, 10])
def test_the_hosts_clock_is_held_against_the_databases(erp, health, minutes):
    erp.later = timedelta(minutes=minutes)
    found = health()
    assert found.keys() == {"clocks_apart"}
    assert abs(int(found["clocks_apart"].what.split()[-3]) - 600) < 60


def test_accounts_that_need_a_sign_in_are_named(erp, sim, health):
    for number in range(12):
        erp.connected(sim, account_name=f"Account {number:02}", request_id=f"request-{number}")
    execute(erp, grant.update().values(refused="grant_refused"))
    [finding] = health().values()
    assert finding.code == "accounts_to_sign_in"
    assert "Account 00, Account 01," in finding.what
    assert "Account 09 and 2 more." in finding.what


def other_key(name):
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


def test_a_key_that_is_missing_is_named(erp, sim, health, changed):
    erp.connected(sim)
    changed(key_ring=other_key("k2"))
    found = health()
    assert found.keys() == {"key_missing"}
    assert "does not have: k1." in found["key_missing"].what


def test_a_wrong_key(erp, sim, health, changed):
    erp.connected(sim)
    changed(key_ring=other_key("k1"))
    assert health().keys() == {"key_wrong"}


def test_damaged_values(erp, sim, health):
    erp.connected(sim)
    execute(erp, grant.update().values(access_token=b"\x01"))
    assert health().keys() == {"value_damaged"}


def test_a_database_of_a_newer_version(erp, health):
    erp.save()
    execute(erp, text("UPDATE m365_alembic_version SET version_num = '9999'"))
    assert health().keys() == {"database_newer"}  # opened before it was changed
    dispose_engines()
    assert health().keys() == {"database_newer"}  # and opened after it


def test_a_database_that_cannot_be_used(health, changed):
    changed(database_url="sqlite:////proc/nowhere/accounts.db")
    assert health().keys() == {"database_unusable"}


def test_several_things_at_once(erp, health, changed):
    changed(database_url="sqlite:////proc/nowhere/accounts.db", client_secret_expires=expires_in(3))
    assert health().keys() == {"credential_expiring", "database_unusable"}


def test_looking_is_no_event(erp, health):
    health()
    assert erp.events == []
