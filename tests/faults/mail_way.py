"""Faults on the way to a mail server, M1 to M7: names, connections, TLS, slowness."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from salesorder_m365.plugin.wire import connecting as net
from support.loopback import Conversation

from . import mail_scripts as scripts
from .bench import Bench
from .mail_ground import WAIT, Meeting, Scripted, black_hole, mail_fault, told
from .proxy import FaultProxy, Weather
from .registry import Facts

_NOBODYS = f"{'a' * 64}.test"  # longer than a label can be: no server is asked


@contextmanager
def resolver(answer: Any) -> Iterator[None]:
    """Let the system's resolver behave so for one host; the other one's names are found."""

    def lookup(host: str, *args: Any, **options: Any) -> Any:
        return answer() if host == "mail.test" else socket.getaddrinfo(host, *args, **options)

    # The seam is the parameter's default: `resolve` is called deep inside.
    with patch.dict(net.resolve.__kwdefaults__, lookup=lookup):
        yield


def _fails_for_now() -> None:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def _register_way(protocol: str) -> None:
    @mail_fault("M1", protocol, "a name that cannot exist", told("name_not_found", "name"))
    def unknown_name(bench: Bench) -> Facts:
        return Meeting(bench, protocol).tried(1, host=_NOBODYS)

    @mail_fault("M1", protocol, "the resolver fails", told("name_lookup_failed", "name"))
    def failing_resolver(bench: Bench) -> Facts:
        meeting = Meeting(bench, protocol)
        with resolver(_fails_for_now):
            return meeting.tried(1, host="mail.test")

    @mail_fault("M1", protocol, "the resolver is silent", told("name_lookup_failed", "name"))
    def silent_resolver(bench: Bench) -> Facts:
        meeting, over = Meeting(bench, protocol, timeout=WAIT), threading.Event()
        with resolver(partial(over.wait, 10)):
            seen = meeting.tried(1, host="mail.test")
        over.set()
        return seen

    @mail_fault("M2", protocol, "nobody listens", told("connection_refused", "connect"))
    def refused(bench: Bench) -> Facts:
        meeting = Meeting(bench, protocol)
        port = meeting.serve(scripts.drops)
        meeting.servers[0].close()
        return meeting.tried(port)

    @mail_fault("M3", protocol, "a black hole", told("connection_timed_out", "connect"))
    def unanswered(bench: Bench) -> Facts:
        meeting = Meeting(bench, protocol, timeout=WAIT)
        with black_hole() as port:
            return meeting.tried(port)

    @mail_fault("M4", protocol, "accepts and says nothing", told("deadline_passed", "tls"))
    def silent(bench: Bench) -> Facts:
        meeting = Meeting(bench, protocol, timeout=WAIT)
        return meeting.tried(meeting.serve(scripts.is_silent))

    @mail_fault("M7", protocol, "byte by byte, TLS included", told("deadline_passed", "tls"))
    def sliced(bench: Bench) -> Facts:
        meeting = Meeting(bench, protocol, timeout=WAIT)
        target = getattr(bench.sim, f"{protocol}_port")
        with FaultProxy(("127.0.0.1", target)) as proxy:
            proxy.turn(Weather(slices=1, delay=0.05))
            return meeting.tried(proxy.port)


def _says_http(conversation: Conversation) -> None:
    conversation.sock.recv(5)  # of the client's hello
    conversation.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    conversation.sock.recv(4096)


def _register_tls(protocol: str) -> None:
    spoils = {
        "something else than TLS": (_says_http, "tls_failed"),
        "the handshake breaks off": (lambda c: c.sock.recv(5), "connection_lost"),
        "the handshake is reset": (
            lambda c: (c.sock.recv(5), scripts.resets(c)),
            "connection_lost",
        ),
    }
    for did, (then, finding) in spoils.items():

        @mail_fault("M5", protocol, did, told(finding, "tls"))
        def spoiled(bench: Bench, then: Any = then) -> Facts:
            meeting = Meeting(bench, protocol)
            meeting.trusted = False
            if protocol == "imap":
                return meeting.tried(meeting.serve(then))

            def script(conversation: Conversation) -> None:
                conversation.send(b"220 localhost ready\r\n")
                conversation.line()
                conversation.send(b"250-localhost\r\n250 STARTTLS\r\n")
                conversation.line()
                conversation.send(b"220 2.0.0 go ahead\r\n")
                then(conversation)

            return meeting.tried(meeting.serve(script))

    Scripted(
        "M5", "TLS 1.1 only", "sign-in", scripts.listen, "tls_too_old", "tls",
        context=scripts.outdated_tls,
    ).register(protocol)  # fmt: skip
    certificates = {
        "expired": "tls_expired",
        "not yet valid": "clock_wrong",
        "self-signed": "tls_untrusted",
        "of an unknown authority": "tls_untrusted",
        "for another host": "tls_wrong_host",
    }
    for kind, finding in certificates.items():
        Scripted(
            "M6", f"a certificate {kind}", "sign-in", scripts.listen, finding, "tls",
            context=partial(scripts.bad_certificate, kind),
        ).register(protocol)  # fmt: skip


for _protocol in ("imap", "smtp"):
    _register_way(_protocol)
    _register_tls(_protocol)

IMAP = [
    Scripted("M4", "TLS, and not a word", "greeting", scripts.is_silent,
             "deadline_passed", "sign_in", WAIT),
    Scripted("M7", "one byte after the other at the greeting", "greeting", scripts.dribbles,
             "deadline_passed", "sign_in", WAIT),
    Scripted("M7", "one byte after the other in the list", "folders", scripts.dribbles,
             "deadline_passed", "mailbox", WAIT),
]  # fmt: skip
SMTP = [
    Scripted("M4", "no answer to the sign-in", "sign-in", scripts.is_silent,
             "deadline_passed", "sign_in", WAIT),
    Scripted("M5", "STARTTLS is not offered", "hello", scripts.says(b"250 AUTH XOAUTH2\r\n"),
             "starttls_missing", "tls"),
    Scripted("M5", "STARTTLS is refused", "STARTTLS", scripts.says(b"454 4.7.0 No TLS now\r\n"),
             "server_busy", "tls"),
    Scripted("M5", "answers injected behind STARTTLS", "STARTTLS",
             scripts.says(b"220 go ahead\r\n250-localhost\r\n250 AUTH XOAUTH2\r\n"),
             "starttls_injection", "tls"),
    Scripted("M7", "one byte after the other at the greeting", "greeting", scripts.dribbles,
             "deadline_passed", "tls", WAIT),
    Scripted("M7", "one byte after the other for the sender", "sender", scripts.dribbles,
             "deadline_passed", "sender", WAIT),
]  # fmt: skip
for _row in IMAP:
    _row.register("imap")
for _row in SMTP:
    _row.register("smtp")
