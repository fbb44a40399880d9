"""The real servers start quickly, verify signatures, and leave nothing behind."""

import smtplib
import ssl
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import jwt
import pytest
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import LoginError
from rich.console import Console
from salesorder_m365.plugin.transport.xoauth2 import xoauth2
from salesorder_m365.simulator.simulator import Simulator
from servers import dovecot, postfix
from servers.processes import ServerProcess
from servers.running import running_dovecot, running_postfix

pytestmark = pytest.mark.servers

SALES = "sales@contoso.test"


def print_seconds(*servers: ServerProcess) -> None:
    """Tell (`pytest -s`) how long each took; under two seconds together is meant."""
    seconds = ", ".join(f"{server.name} {server.started_in:.2f} s" for server in servers)
    Console().print(f"\nstarted in: {seconds}")


def processes_of_group(group: int) -> list[int]:
    """Return the processes of a group: children that a server might leave behind."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Behind the name in brackets: state, parent, group; proc(5).
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def await_true(condition: Callable[[], bool]) -> None:
    """Wait a little: the children end with their parent, not before it."""
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def processes_with(directory: Path) -> list[int]:
    """Return the processes that name this directory: servers name their configuration."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes()
        except OSError:
            continue
        if str(directory).encode() in text:
            found.append(int(path.parent.name))
    return found


def test_they_start_at_once_and_end_by_their_ids(sim):
    if reason := dovecot.missing():
        pytest.skip(reason)
    with ExitStack() as stack:
        running = [stack.enter_context(running_dovecot(sim))]
        if not postfix.missing():
            running.append(stack.enter_context(running_postfix(sim, running[0])))
        print_seconds(*running)
        for server in running:
            assert server.pid in processes_with(server.directory)
    for server in running:
        await_true(lambda server=server: not processes_of_group(server.pid))
        assert processes_with(server.directory) == []
        assert not server.directory.exists()


@pytest.fixture(scope="module")
def tokens(simulator):
    """A token that is good, and some that look like it."""
    with Simulator() as stranger:
        foreign = stranger.new_token(SALES)
    good = simulator.new_token(SALES)
    head, claims, signature = good.split(".")
    _, admins, _ = simulator.new_token("admin@contoso.test").split(".")
    said = jwt.decode(good, options={"verify_signature": False})
    elsewhere = f"https://sts.windows.net/{uuid.uuid4()}/"
    return {
        "good": good,
        "another key": foreign,
        "another's claims": f"{head}.{admins}.{signature}",
        "unsigned": f"{head}.{claims}.",
        "another user": simulator.new_token("admin@contoso.test"),
        "spent": simulator.signing_key.sign(said | {"exp": said["iat"] - 60}),
        "another tenant's": simulator.signing_key.sign(said | {"iss": elsewhere}),
    }


@pytest.mark.parametrize(
    "kind",
    ["another key", "another's claims", "unsigned", "another user", "spent", "another tenant's"],
)
@pytest.mark.parametrize("backend", ["dovecot-postfix", "dovecot"], indirect=True)
def test_tokens_are_told_apart_by_their_signature(backend, sim, tokens, kind):
    context = ssl.create_default_context(cafile=str(sim.ca_file))

    def sign_in(token: str) -> None:
        timeout = SocketTimeout(5, 10)
        with IMAPClient(
            "localhost", backend.imap_port, ssl_context=context, timeout=timeout
        ) as client:
            client.oauth2_login(SALES, token)

    sign_in(tokens["good"])
    with pytest.raises(LoginError):
        sign_in(tokens[kind])

    def submit(token: str) -> int:
        with smtplib.SMTP("localhost", backend.smtp_port, "erp.test", 10) as client:
            client.starttls(context=context)
            client.ehlo()
            # In two lines: one would be too long for Dovecot's submission.
            assert client.docmd("AUTH", "XOAUTH2")[0] == 334
            status, _ = client.docmd(xoauth2(SALES, token))
            if status == 334:
                status, _ = client.docmd("")
            return status

    assert submit(tokens["good"]) == 235
    assert submit(tokens[kind]) == 535
