"""What the tables make of what sockets, TLS and HTTP raise."""

import errno
import re
import socket
import ssl
import threading
from datetime import UTC, datetime

import pytest
import trustme
from salesorder_m365.plugin.findings.classify import (
    network_code,
    unavailable_code,
)
from salesorder_m365.plugin.wire.deadline import TooMuchDataError


def verification(verify_code: int) -> ssl.SSLCertVerificationError:
    err = ssl.SSLCertVerificationError("certificate verify failed")
    err.verify_code = verify_code
    return err


def tls(reason: str) -> ssl.SSLError:
    err = ssl.SSLError(1, reason)
    err.reason = reason
    return err


@pytest.mark.parametrize(
    ("err", "stage", "code"),
    [
        (TooMuchDataError(), "mailbox", "too_much_data"),
        (socket.gaierror(socket.EAI_NONAME, "no"), "name", "name_not_found"),
        (socket.gaierror(socket.EAI_AGAIN, "later"), "name", "name_lookup_failed"),
        (TimeoutError(), "name", "name_lookup_failed"),
        (TimeoutError(), "connect", "connection_timed_out"),
        (OSError(errno.ETIMEDOUT, "no"), "connect", "connection_timed_out"),
        (TimeoutError(), "tls", "deadline_passed"),
        (TimeoutError(), "sign_in", "deadline_passed"),
        (ConnectionRefusedError(), "connect", "connection_refused"),
        (ConnectionResetError(), "sign_in", "connection_lost"),
        (BrokenPipeError(), "mailbox", "connection_lost"),
        (EOFError(), "sign_in", "connection_lost"),
        (OSError(errno.ENETUNREACH, "no"), "connect", "no_route"),
        (OSError(errno.EHOSTUNREACH, "no"), "connect", "no_route"),
        (OSError(errno.EIO, "no"), "connect", "network_unknown"),
        (ValueError(), "sign_in", "network_unknown"),
        (verification(9), "tls", "clock_wrong"),
        (verification(10), "tls", "tls_expired"),
        (verification(18), "tls", "tls_untrusted"),
        (verification(20), "tls", "tls_untrusted"),
        (verification(62), "tls", "tls_wrong_host"),
        (verification(64), "tls", "tls_wrong_host"),
        (verification(7777), "tls", "tls_untrusted"),
        (tls("UNSUPPORTED_PROTOCOL"), "tls", "tls_too_old"),
        (tls("TLSV1_ALERT_PROTOCOL_VERSION"), "tls", "tls_too_old"),
        (tls("WRONG_VERSION_NUMBER"), "tls", "tls_failed"),
        (ssl.SSLError(1, "no reason"), "tls", "tls_failed"),
        (ssl.SSLEOFError(8, "EOF"), "tls", "connection_lost"),
    ],
    ids=lambda value: value if isinstance(value, str) else re.sub(r"\W+", "-", repr(value)),
)
def test_network_errors(err, stage, code):
    assert network_code(err, stage=stage) == code


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> BaseException:
    """Shake hands over a pair of sockets; return what the client raises."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    theirs.settimeout(10)

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with pytest.raises(ssl.SSLError) as caught:
            client.wrap_socket(ours, server_hostname="localhost")
    finally:
        ours.close()
        thread.join(10)
    return caught.value


def contexts(name: str, *, trusted: bool = True, **options):
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **options).configure_cert(server)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    (authority if trusted else trustme.CA()).configure_trust(client)
    return server, client


def test_real_certificate_of_another_host():
    err = handshake(*contexts("other.test"))
    assert network_code(err, stage="tls") == "tls_wrong_host"


def test_real_certificate_of_an_unknown_authority():
    err = handshake(*contexts("localhost", trusted=False))
    assert network_code(err, stage="tls") == "tls_untrusted"


def test_real_certificate_that_has_run_out():
    past = datetime(2020, 1, 1, tzinfo=UTC)
    err = handshake(*contexts("localhost", not_before=past, not_after=past))
    assert network_code(err, stage="tls") == "tls_expired"


def test_real_server_that_speaks_old_tls_only():
    server, client = contexts("localhost")
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    client.minimum_version = ssl.TLSVersion.TLSv1_3
    assert network_code(handshake(server, client), stage="tls") == "tls_too_old"


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("ProxyError", "proxy_failed"),
        ("SSLError", "sign_in_tls_failed"),
        ("status 429", "throttled"),
        ("status 503", "microsoft_unavailable"),
        ("ConnectTimeout", "microsoft_unavailable"),
    ],
)
def test_reasons_of_unavailability(reason, code):
    assert unavailable_code(reason) == code
