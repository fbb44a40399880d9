"""Starting, stopping and starting again."""

import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time

import msal
import pytest
import requests
from click.testing import CliRunner
from imapclient import IMAPClient
from salesorder_m365.simulator import command as command_line
from salesorder_m365.simulator.serving import PortInUse
from salesorder_m365.simulator.simulator import Simulator
from salesorder_m365.simulator.tenant import mailboxes
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES
from support.client_certificate import certificate_pem

URI = "http://localhost:8365/oauth/callback"
SALES = "sales@contoso.test"


@pytest.fixture
def free_ports():
    with socket.socket() as a, socket.socket() as b, socket.socket() as c, socket.socket() as d:
        sockets = (a, b, c, d)
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        names = ("port", "browser_port", "imap_port", "smtp_port")
        ports = [one.getsockname()[1] for one in sockets]
    return dict(zip(names, ports, strict=True))


def client(sim):
    session = requests.Session()
    session.trust_env = False
    session.verify = str(sim.ca_file)
    app = msal.ConfidentialClientApplication(
        sim.registration.client_id,
        client_credential=sim.registration.client_secret,
        authority=f"{sim.authority}/contoso.test",
        instance_discovery=False,
        http_client=session,
    )
    return session, app


def sign_in(sim):
    session, app = client(sim)
    with session:
        with pytest.warns(UserWarning, match="form_post"):
            flow = app.initiate_auth_code_flow(list(MAIL_SCOPES), redirect_uri=URI)
        back = sim.sign_in(flow["auth_uri"], SALES)
        return app.acquire_token_by_auth_code_flow(flow, back)["refresh_token"]


def refresh(sim, token):
    session, app = client(sim)
    with session:
        return app.acquire_token_by_refresh_token(token, list(MAIL_SCOPES))


def uid_state(sim):
    context = ssl.create_default_context(cafile=str(sim.ca_file))
    imap = IMAPClient("localhost", sim.imap_port, ssl_context=context, timeout=5)
    try:
        imap.oauth2_login(SALES, sim.new_token(SALES))
        names = [name for _, _, name in imap.list_folders()]
        return {name: imap.folder_status(name, ["UIDVALIDITY", "UIDNEXT"]) for name in names}
    finally:
        imap.shutdown()


def test_a_restart_keeps_grants_consents_folders_and_keys(tmp_path):
    state = tmp_path / "state"
    with Simulator(state_dir=state, redirect_uris=[URI]) as sim:
        token, secret, ca = sign_in(sim), sim.registration.client_secret, sim.ca_file.read_bytes()
        sim.tenant.rename_folder(SALES, "Archive", "Archive 2026")
        sim.tenant.deliver(SALES, b"Subject: x\r\n\r\n")
        sim.tenant.revoke_grants("purchasing@contoso.test")
        before = uid_state(sim)
    with Simulator(state_dir=state, redirect_uris=[URI]) as sim:
        assert sim.registration.client_secret == secret
        assert sim.ca_file.read_bytes() == ca
        assert "access_token" in refresh(sim, token)
        after = uid_state(sim)
        assert sim.tenant.refresh_tokens.is_revoked("purchasing@contoso.test", issued=0.0)
        sim.tenant.revoke_grants(SALES)
    assert {name: s[b"UIDVALIDITY"] for name, s in after.items()} == {
        name: s[b"UIDVALIDITY"] for name, s in before.items()
    }
    assert all(after[name][b"UIDNEXT"] > before[name][b"UIDNEXT"] for name in before)
    with Simulator(state_dir=state, redirect_uris=[URI]) as sim:
        assert refresh(sim, token)["error_codes"] == [50173]


def test_a_mailbox_is_filled_when_it_is_first_used(mocker):
    filled = mocker.spy(mailboxes, "first_messages")
    with Simulator() as sim:
        assert filled.call_count == 0
        assert len(sim.tenant.messages(SALES)) == 3
        sim.tenant.deliver(SALES, b"Subject: x\r\n\r\n")
        assert len(sim.tenant.messages(SALES)) == 4
    assert filled.call_count == 1


def test_nobody_else_reads_the_state(tmp_path):
    state = tmp_path / "state"
    with Simulator(state_dir=state):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in state.iterdir()}
    assert {"ca.pem", "server.pem", "signing-key.pem", "state.json"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_temporary_state_goes_away():
    with Simulator() as sim:
        folder = sim.ca_file.parent
        assert folder.is_dir()
    assert not folder.exists()


def test_stopping_ends_the_thread_with_connections_open():
    before = set(threading.enumerate())
    with Simulator() as sim:
        session = requests.Session()
        session.trust_env = False
        session.get(sim.browser_url, timeout=5)
        smtp = socket.create_connection(("localhost", sim.smtp_port), 5)
        imap = socket.create_connection(("localhost", sim.imap_port), 5)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2
    assert set(threading.enumerate()) == before
    for connection in (session, smtp, imap):
        connection.close()


@pytest.mark.parametrize("name", ["port", "browser_port", "imap_port", "smtp_port"])
def test_a_port_in_use_is_named(name):
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse, match=str(port)) as error:
            Simulator(**{name: port}).start()
    assert error.value.port == port
    assert set(threading.enumerate()) == before


def test_it_runs_by_itself_until_it_is_told_to_stop(tmp_path):
    code = (
        "from pathlib import Path\n"
        "from salesorder_m365.simulator.command import serve\n"
        f"serve(None, Path({str(tmp_path / 'state')!r}), redirect_uris=[{URI!r}])\n"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "error", "PYTHONUNBUFFERED": "1"}
    running = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with running:
        try:
            first = [running.stdout.readline() for _ in range(9)]
            panel = next(line.split()[-1] for line in first if "Panel" in line)
            assert "not Microsoft" in requests.get(panel, timeout=5).text
            running.send_signal(signal.SIGINT)
            assert running.wait(10) == 0
        finally:
            running.kill()
        assert running.stderr.read() == ""
    assert URI in "".join(first)


def test_certificates_and_public_redirect_uris_come_from_the_command_line(mocker, tmp_path):
    file = tmp_path / "client.pem"
    file.write_bytes(certificate_pem())
    serve = mocker.patch.object(command_line, "serve")
    asked = ["--certificate", str(file), "--public-redirect-uri", "http://localhost"]
    assert CliRunner().invoke(command_line.command, asked).exit_code == 0
    with Simulator() as sim:
        serve.call_args.kwargs["register"](sim.registration)
        assert sim.registration.public_redirect_uris == {"http://localhost"}
        assert len(sim.registration.certificates) == 2  # by either thumbprint


@pytest.mark.parametrize("content", ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_is_no_certificate_is_named(mocker, tmp_path, content):
    mocker.patch.object(command_line, "serve", side_effect=AssertionError)
    file = tmp_path / "client.pem"
    file.write_text(content)
    result = CliRunner().invoke(command_line.command, ["--certificate", str(file)])
    assert result.exit_code == 2
    assert "client.pem holds no RSA certificate" in " ".join(result.output.split())


def test_fixed_ports_are_taken(free_ports):
    with Simulator(**free_ports) as sim:
        assert sim.authority == f"https://localhost:{free_ports['port']}"
        assert sim.browser_url == f"http://127.0.0.1:{free_ports['browser_port']}"
        assert (sim.imap_port, sim.smtp_port) == (free_ports["imap_port"], free_ports["smtp_port"])


def test_it_cannot_be_used_before_it_runs(sim):
    stopped = Simulator()
    with stopped:
        pass
    with pytest.raises(RuntimeError, match="not running"):
        stopped.tenant.folders(SALES)
