"""Starting and stopping the demo: ports, the banner, Ctrl-C, and what is left behind."""

import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from stat import S_IMODE

import pytest
import requests
from salesorder_m365.demo.erp.state import StateFolder
from salesorder_m365.demo.server import Demo, Ports, run
from salesorder_m365.simulator.serving import PortInUse, listen

SALES, BROWSER = "sales@contoso.test", "b" * 32


def start(state, port):
    command = [sys.executable, "-m", "salesorder_m365.demo", "--port", str(port), "--state", state]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=state.parent
    )


@contextmanager
def listening(port=0):
    """Give a socket that listens as long as the block lasts."""
    with ExitStack() as stack:
        yield listen(port, stack)


def port_with_room() -> int:
    """Find a port that is free together with those which the simulator takes beside it."""
    while True:
        with listening() as found:
            port = found.getsockname()[1]
        if port > 60_000:
            continue
        try:
            for beside in astuple(Ports.beside(port)):
                with listening(beside):
                    pass
        except PortInUse:
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
    with listening(taken):
        assert run(port, tmp_path) == 1
    said = capsys.readouterr().err
    assert f"port {taken} is in use" in said
    assert "make demo PORT=" in said
    # What had been started before was stopped again.
    with listening(port):
        pass


def test_a_second_demo_on_one_folder_says_so_and_ends(tmp_path, capsys):
    with Demo(tmp_path, Ports.beside(port_with_room())) as first:
        assert run(port_with_room(), tmp_path) == 1
        said = capsys.readouterr().err
        assert f"another demo is running on the folder {tmp_path}" in said
        assert "--state .demo-2 --port" in said
        assert requests.get(f"{first.url}/login", timeout=5).ok
    with Demo(tmp_path, Ports.beside(port_with_room())):
        """The folder is free again."""


HALVES = {
    "nothing": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: local",
    "half a body": b"POST /login HTTP/1.1\r\nHost: {}\r\nContent-Length: 9\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\ncsrf=",
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_half_a_request_does_not_hold_its_connection(erp, mocker, caplog, half):
    mocker.patch("salesorder_m365.demo.serving.REQUEST_SECONDS", 0.05)
    netloc = erp.url.removeprefix("http://")
    host, port = netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(half.replace(b"{}", netloc.encode()))
        assert connection.recv(4000) == b""
    mocker.stopall()
    assert requests.get(f"{erp.url}/login", timeout=5).ok
    assert caplog.records == []


def test_a_page_may_take_longer_to_answer_than_a_request_to_arrive(erp, mail, admin, mocker):
    mail.go_on.clear()
    mocker.patch("salesorder_m365.demo.serving.REQUEST_SECONDS", 1)
    threading.Timer(1.5, mail.go_on.set).start()
    path = "/setup/configuration/email/mail-accounts/m365:7"
    assert admin.post_form(path, f"{path}/test").status_code == 303


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
    with listening() as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
        assert listener.proto == socket.IPPROTO_TCP
