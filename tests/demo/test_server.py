"""Starting and stopping the demo: ports, the banner, Ctrl-C, and what is left behind."""

import re
import signal
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import astuple
from stat import S_IMODE

import pytest
import requests
from salesorder_m365.demo.server import Demo, Ports, run
from salesorder_m365.demo.serving import PortTakenError, listen
from salesorder_m365.demo.state import StateFolder

SALES, BROWSER = "sales@contoso.test", "b" * 32


def start(state, port):
    command = [sys.executable, "-m", "salesorder_m365.demo", "--port", str(port), "--state", state]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=state.parent
    )


def port_with_room() -> int:
    """Find a port that is free together with those which the simulator takes beside it."""
    while True:
        with closing(listen(0)) as found:
            port = found.getsockname()[1]
        if port > 60_000:
            continue
        try:
            for beside in astuple(Ports.beside(port)):
                listen(beside).close()
        except PortTakenError:
            continue
        return port


def test_the_simulators_ports_move_along():
    assert astuple(Ports.beside(8365)) == astuple(Ports()) == (8365, 8366, 8367, 8993, 8587)
    assert astuple(Ports.beside(9000)) == (9000, 9001, 9002, 9628, 9222)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminated"])
def test_it_says_where_it_is_and_ends_cleanly(tmp_path, sign):
    port = port_with_room()
    with start(tmp_path / "state", port) as demo:
        said = ""
        while "Ctrl-C" not in said:
            line = demo.stdout.readline()
            assert line, demo.stderr.read()
            said += line
        assert requests.get(f"http://localhost:{port}/login", timeout=5).ok
        panel = re.search(r"Simulator panel +(\S+)", said)[1]
        assert requests.get(panel, timeout=5).ok
        demo.send_signal(sign)
        rest, errors = demo.communicate(timeout=30)
    assert f"http://localhost:{port}" in said
    for word in ("admin", "sales", "contoso"):
        assert word in said
    assert (demo.returncode, rest.strip(), errors) == (0, "Stopped.", "")


@pytest.mark.parametrize("which", range(5), ids=["ERP", "browser", "TLS", "IMAP", "SMTP"])
def test_a_taken_port_is_named_with_the_way_out(tmp_path, capsys, which):
    port = port_with_room()
    taken = astuple(Ports.beside(port))[which]
    with closing(listen(taken)):
        assert run(port, tmp_path) == 1
    said = capsys.readouterr().err
    assert f"port {taken} is in use" in said
    assert "make demo PORT=" in said
    # What had been started before was stopped again.
    with closing(listen(port)):
        pass


def test_a_file_in_the_folders_place_is_told(tmp_path, capsys):
    place = tmp_path / "state"
    place.write_text("")
    assert run(port_with_room(), place) == 1
    assert "The demo cannot start" in capsys.readouterr().err


def test_a_database_that_is_none_is_told(tmp_path, capsys):
    (tmp_path / "erp.sqlite3").write_bytes(b"not a database" * 100)
    assert run(port_with_room(), tmp_path) == 1
    assert "not a database" in capsys.readouterr().err


def test_a_connected_account_outlives_a_restart(tmp_path):
    ports = Ports.beside(port_with_room())
    values = {
        "account_name": "Sales",
        "sender_name": "Sales Desk",
        "sender_email": SALES,
        "use_oauth": "on",
    }
    with Demo(tmp_path, ports) as demo:
        hook, who = demo.host.plugins.hook, {"host": demo.host, "worker": "admin"}
        made = hook.salesorder_account_save(
            kind="m365", account_id=None, values=values, request_id="r", **who
        )
        left = hook.salesorder_login_begin(
            account_id=made.id, browser=BROWSER, return_to="/setup", **who
        )
        query = demo.simulator.sign_in(left.url, SALES)
        assert (
            hook.salesorder_login_callback(query=query, browser=BROWSER, **who).code == "connected"
        )
    with Demo(tmp_path, ports) as demo:
        report = demo.host.plugins.hook.salesorder_test_connection(
            host=demo.host, account_id=made.id, worker="admin", progress=None
        )
    assert (report.passed, report.findings) == (True, ())


def test_keys_are_the_owners_alone_and_stay(tmp_path):
    state = StateFolder(tmp_path / "state")
    ring, key = state.key_ring(), state.session_key()
    assert S_IMODE(state.path.stat().st_mode) == 0o700
    assert {S_IMODE(file.stat().st_mode) for file in state.path.iterdir()} == {0o600}
    again = StateFolder(state.path)
    assert (again.key_ring(), again.session_key()) == (ring, key)


def test_only_loopback_is_listened_on():
    with closing(listen(0)) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.proto == socket.IPPROTO_TCP
