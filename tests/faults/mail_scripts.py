"""What faulty mail servers say: an honest beginning up to some point, and then the fault.

A script is played by `loopback.LoopbackServer` to each connection.
"""

import contextlib
import datetime as dt
import socket
import ssl
import struct
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.loopback import Conversation, server_context

Script: TypeAlias = Callable[[Conversation], None]

GREETING = b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"
_OFFERS = b"250-localhost\r\n250-PIPELINING\r\n250-STARTTLS\r\n250 AUTH XOAUTH2\r\n"
_DAY = dt.timedelta(days=1)


def tag(conversation: Conversation) -> bytes:
    """Return the tag of the IMAP command that was read last."""
    return (conversation.lines[-1].split() or [b"*"])[0]


def imap(at: str, then: Script) -> Script:
    """Play an honest server (over TLS) until the client waits for the answer `at`."""

    def script(conversation: Conversation) -> None:
        if at != "greeting":
            conversation.send(GREETING)
            conversation.line()
        if at in {"folders", "status"}:
            conversation.send(tag(conversation) + b" OK AUTHENTICATE completed.\r\n")
            conversation.line()
        if at == "status":
            conversation.send(b'* LIST () "/" INBOX\r\n' + tag(conversation) + b" OK done\r\n")
            conversation.line()
        then(conversation)

    return script


def smtp(at: str, then: Script, context: ssl.SSLContext) -> Script:
    """Play an honest server, STARTTLS included, until the client waits for the answer `at`."""
    steps = {
        "greeting": b"220 localhost ready\r\n",
        "hello": _OFFERS,
        "STARTTLS": b"220 2.0.0 go ahead\r\n",
        "second hello": _OFFERS,
        "sign-in": b"235 2.7.0 Authentication successful\r\n",
        "sender": b"250 2.1.0 ok\r\n250 2.0.0 ok\r\n221 2.0.0 bye\r\n",
    }

    def script(conversation: Conversation) -> None:
        for step, answer in steps.items():
            if step == at:
                break
            conversation.send(answer)
            if step == "STARTTLS":
                conversation.secure(context)
            conversation.line()
        then(conversation)

    return script


def says(answer: bytes) -> Script:
    """Answer once, a `%s` in it being the command's tag, and wait until the client leaves."""

    def then(conversation: Conversation) -> None:
        named = answer.replace(b"%s", tag(conversation)) if b"%s" in answer else answer
        conversation.send(named)
        listen(conversation)

    return then


def lists(answers: bytes) -> Script:
    """Give a list, and know none of its folders any more."""

    def then(conversation: Conversation) -> None:
        conversation.send(answers + tag(conversation) + b" OK done\r\n")
        while b"STATUS" in conversation.line():
            conversation.send(tag(conversation) + b" NO [NONEXISTENT] no such folder\r\n")

    return then


def repeats(answer: bytes, first: bytes = b"") -> Script:
    """Say the same for ever."""

    def then(conversation: Conversation) -> None:
        conversation.send(first)
        while True:
            conversation.send(answer)

    return then


def asks_again(answer: bytes) -> Script:
    """Give one answer to whatever comes."""

    def then(conversation: Conversation) -> None:
        conversation.send(answer)
        # An empty line answers a challenge: only the connection's end is shorter.
        while conversation.sock.recv(1):
            conversation.line()
            conversation.send(answer)

    return then


def dribbles(conversation: Conversation) -> None:
    """Send one byte after the other, and never a line's end."""
    while True:
        conversation.send(b"2")
        conversation.pause(0.1)


def is_silent(conversation: Conversation) -> None:
    conversation.pause()


def listen(conversation: Conversation) -> None:
    """Read until the client leaves."""
    while conversation.line():
        pass


def drops(conversation: Conversation) -> None:
    """Close the connection in good order."""


def resets(conversation: Conversation) -> None:
    """Break the connection off (RST)."""
    sock = socket.socket(fileno=conversation.sock.detach())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def half_closes(conversation: Conversation) -> None:
    """Say no more, but go on reading."""
    socket.socket.shutdown(conversation.sock, socket.SHUT_WR)
    with contextlib.suppress(OSError):
        listen(conversation)


@cache
def authority() -> trustme.CA:
    """Return the authority that the client trusts."""
    return trustme.CA(organization_name="Faults")


@cache
def good() -> ssl.SSLContext:
    return server_context(authority().issue_cert("localhost"))


def outdated_tls() -> ssl.SSLContext:
    """Return a context that speaks TLS 1.1 and nothing better."""
    context = server_context(authority().issue_cert("localhost"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that it is outdated is the point
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def bad_certificate(kind: str) -> ssl.SSLContext:
    """Return a context with a certificate that no client may accept."""
    now = dt.datetime.now(dt.UTC)
    match kind:
        case "expired":
            times = {"not_before": now - 9 * _DAY, "not_after": now - _DAY}
            return server_context(authority().issue_cert("localhost", **times))
        case "not yet valid":
            times = {"not_before": now + _DAY, "not_after": now + 9 * _DAY}
            return server_context(authority().issue_cert("localhost", **times))
        case "for another host":
            return server_context(authority().issue_cert("mail.contoso.test"))
        case "of an unknown authority":
            return server_context(trustme.CA().issue_cert("localhost"))
    return _self_signed(now)


def _self_signed(now: dt.datetime) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    with TemporaryDirectory() as folder:
        path = Path(folder, "server.pem")
        path.write_bytes(pem)
        context.load_cert_chain(path)
    return context
