"""``doctor``: each thing that can be wrong is a finding of the catalogue; nothing is changed."""

import base64
import json
import os
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faults.proxy import FaultProxy
from salesorder_m365.plugin.cli.output import FAILED, PASSED, UNTRIED
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.upkeep.doctor import Doctor
from sqlalchemy import text
from support.erp import WORKER

CHECKS = [
    "Settings",
    "Key ring",
    "Client secret or certificate",
    "Accounts",
    "Database",
    "Sign-in server",
    "Clock",
    "App registration",
    "Redirect URI",
    "IMAP",
    "SMTP",
]


@pytest.fixture
def doctor(run_live):
    """Run the doctor with changed settings; return the codes that it finds by check."""

    def doctor(*args, **changes):
        result = run_live("doctor", "--json", *args, **changes)
        checks = json.loads(result.stdout)
        codes = {c["name"]: [f["code"] for f in c["findings"]] for c in checks if c["findings"]}
        assert result.exit_code == (1 if codes else 0)
        return codes

    return doctor


def test_all_is_well(ready, run_live, sim):
    result = run_live("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line[2:32].rstrip() for line in lines if line.startswith(PASSED)] == CHECKS
    assert lines[-1] == "All is well."
    assert "http://localhost:8365/oauth/callback" in result.stdout
    assert sim.count(grant_type="client_credentials") == 1


def test_looking_changes_nothing(run_live, doctor, database):
    assert doctor() == {"Database": ["database_not_ready"]}
    assert not database.exists()
    run_live("db", "upgrade")
    doctor()
    assert json.loads(run_live("events", "--json").stdout) == []


def test_wrong_settings_are_all_named(run_live):
    result = run_live("doctor", tenant="common", cloud="mars")
    assert result.exit_code == 1
    assert "[settings_wrong]" in result.stdout
    assert "SALESORDER_M365_TENANT: " in result.stdout
    assert "SALESORDER_M365_CLOUD: " in result.stdout


def tomorrow():
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


WRONG = {
    "secret": ({"client_secret": "canary"}, {"App registration": ["secret_wrong"]}),
    "client id": (
        {"client_id": "00000000-0000-4000-8000-00000000000f"},
        {"App registration": ["client_id_unknown"], "Redirect URI": ["client_id_unknown"]},
    ),
    "tenant": ({"tenant": "fabrikam.test"}, {"Sign-in server": ["tenant_unknown"]}),
    "redirect URI": ({"callback_path": "/other"}, {"Redirect URI": ["redirect_uri_unknown"]}),
    "secret soon over": (
        {"client_secret_expires": tomorrow()},
        {"Client secret or certificate": ["credential_expiring"]},
    ),
    "authority's port": (
        {"authority": f"https://localhost:{closed_port()}"},
        {"Sign-in server": ["connection_refused"]},
    ),
    "authority's name": (
        {"authority": "https://nowhere.invalid"},
        {"Sign-in server": ["name_not_found"]},
    ),
    "proxy": (
        {"proxy": f"http://localhost:{closed_port()}"},
        {"Sign-in server": ["proxy_failed"]},
    ),
    "mail ports": (
        {"imap": f"localhost:{closed_port()}", "smtp": f"localhost:{closed_port()}"},
        {"IMAP": ["connection_refused"], "SMTP": ["connection_refused"]},
    ),
}


@pytest.mark.parametrize(("changes", "codes"), WRONG.values(), ids=WRONG)
def test_what_is_wrong(ready, doctor, changes, codes):
    assert doctor(**changes) == codes


def test_a_certificate_that_cannot_be_read(ready, doctor, live, tmp_path):
    file = tmp_path / "client.pem"
    file.write_text("no certificate")
    found = doctor(client_secret="", client_certificate=str(file))
    assert found["Client secret or certificate"] == ["certificate_unreadable"]
    assert "App registration" in found


def test_servers_that_are_not_trusted(ready, doctor, tmp_path):
    from trustme import CA  # noqa: PLC0415 - for this test only

    other = tmp_path / "other.pem"
    CA().cert_pem.write_to_path(str(other))
    assert doctor(ca_file=str(other)) == {
        "Sign-in server": ["sign_in_tls_failed"],
        "IMAP": ["tls_untrusted"],
        "SMTP": ["tls_untrusted"],
    }


def test_the_way_leads_through_the_proxy(ready, run_live):
    with FaultProxy() as proxy:
        result = run_live("doctor", proxy=proxy.url)
        assert proxy.passed > 0
    assert result.exit_code == 0
    assert "through the proxy" in result.stdout
    assert proxy.url not in result.stdout


def test_what_cannot_be_tried_is_marked(ready, run_live):
    result = run_live("doctor", authority=f"https://localhost:{closed_port()}")
    untried = [line[2:32].rstrip() for line in result.stdout.splitlines() if line[0:1] == UNTRIED]
    assert untried == ["Clock", "App registration", "Redirect URI"]
    assert f"{FAILED} Sign-in server" in result.stdout


def test_a_registration_for_many_tenants_is_not_proved(ready, run_live, sim):
    result = run_live("doctor", tenant="organizations")
    assert result.exit_code == 0
    assert f"{UNTRIED} App registration" in result.stdout
    assert sim.count(grant_type="client_credentials") == 0


@pytest.mark.parametrize("minutes", [-10, 10])
def test_the_clock_is_compared_with_the_sign_in_servers(erp, sim, minutes):
    context = Context(erp, lambda _: None)
    doctor = Doctor(context, None, clock=lambda: datetime.now(UTC).timestamp() + 60 * minutes)
    (clock,) = (check for check in doctor.checks(WORKER) if check.name == "Clock")
    assert [found.code for found in clock.findings] == ["clock_skewed"]
    assert re.search(r"(59\d|60\d) seconds apart", clock.findings[0].what)


def test_keys_and_accounts(erp, sim, doctor):
    erp.connected(sim)
    other = f"k2:{base64.b64encode(os.urandom(32)).decode()}"
    assert doctor(key_ring=other) == {"Key ring": ["key_missing"]}
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(grant.update().values(refused="grant_refused"))
    assert doctor() == {"Accounts": ["accounts_to_sign_in"]}


def test_a_newer_database(ready, erp, doctor):
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(text("UPDATE m365_alembic_version SET version_num = '9999'"))
    assert doctor() == {"Database": ["database_newer"]}


def test_a_database_file_that_others_can_read(ready, doctor, live):
    file = Path(live["database_url"].removeprefix("sqlite:///"))
    folder = file.parent
    for mode, codes in ((0o644, {"Database": ["database_readable"]}), (0o640, {}), (0o600, {})):
        file.chmod(mode)
        assert doctor() == codes
    folder.chmod(0o777)
    assert doctor() == {"Database": ["database_readable"]}
    folder.chmod(0o1777)
    assert doctor() == {}


def test_a_settings_file_that_others_can_read(ready, live, doctor, tmp_path):
    file = tmp_path / "erp.ini"
    file.write_text("[salesorder-m365]\ncloud = worldwide\n")
    for mode, codes in ((0o644, {"Settings": ["settings_readable"]}), (0o640, {}), (0o600, {})):
        file.chmod(mode)
        assert doctor("--config", str(file)) == codes
