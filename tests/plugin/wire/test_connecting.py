"""Names, connections and TLS: what fails, how, and that no socket is left open."""

import errno
import os
import socket
import ssl
import threading
import time
import warnings
from datetime import UTC, datetime, timedelta

import pytest
from salesorder_m365.plugin.transport.stages import unwatched
from salesorder_m365.plugin.wire.connecting import (
    _families_in_turn,
    connect,
    resolve,
)
from salesorder_m365.plugin.wire.deadline import Deadline
from salesorder_m365.plugin.wire.http import DeadlineSession
from salesorder_m365.plugin.wire.tls import mail_tls_context, secure, tls_context
from support.loopback import server_context

TCP = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")


def address(port, host="127.0.0.1"):
    return (*TCP, (host, port))


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


@pytest.fixture
def black_hole():
    """A port whose queue of connections is full: the kernel answers no SYN any more."""
    waiting = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
            waiting.append(sock)
        time.sleep(0.1)
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


def test_a_name_is_resolved():
    assert address(993) in resolve("127.0.0.1", 993)


def test_an_unknown_name_is_the_resolvers_own_error():
    def lookup(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    with pytest.raises(socket.gaierror) as caught:
        resolve("mail.contoso.test", 993, lookup=lookup)
    assert caught.value.errno == socket.EAI_NONAME


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "mail..contoso.test"])
def test_a_label_that_cannot_exist_is_an_unknown_name(host):
    with pytest.raises(socket.gaierror):
        resolve(host, 993)


def test_a_resolver_that_hangs_is_left_at_the_deadline():
    ended = threading.Event()

    def lookup(*_, **__):
        ended.wait(30)
        return []

    with Deadline.after(0.2).applied(), pytest.raises(TimeoutError):
        resolve("mail.contoso.test", 993, lookup=lookup)
    ended.set()


def test_a_refused_connection_is_said_to_be_refused(closed_port):
    with pytest.raises(ConnectionRefusedError):
        connect([address(closed_port)])


def test_a_black_hole_is_left_at_the_deadline(black_hole):
    with Deadline.after(0.4).applied(), pytest.raises(TimeoutError):
        connect([address(black_hole)])


def test_the_next_address_is_tried_beside_a_black_hole(black_hole, play):
    server = play(lambda c: c.send(b"here"))
    started = time.monotonic()
    with connect([address(black_hole), address(server.port)]) as sock:
        assert sock.recv(4) == b"here"
    assert time.monotonic() - started < 3


def test_the_next_address_is_tried_after_a_refusal(closed_port, play):
    server = play(lambda c: c.send(b"here"))
    with connect([address(closed_port), address(server.port)]) as sock:
        assert sock.recv(4) == b"here"
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_refusal_says_more_than_a_missing_route(closed_port):
    # TCP to the broadcast address fails in the kernel, before a packet is sent.
    nowhere = address(9, host="255.255.255.255")
    with pytest.raises(ConnectionRefusedError):
        connect([nowhere, address(closed_port)])
    with pytest.raises(OSError, match="unreachable") as caught:
        connect([nowhere])
    assert caught.value.errno == errno.ENETUNREACH


def test_no_address_is_an_error_too():
    with pytest.raises(OSError, match="no address") as caught:
        connect([])
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_address_families_take_turns():
    six, four = (socket.AF_INET6, 0, 0, "", "six"), (socket.AF_INET, 0, 0, "", "four")
    assert _families_in_turn([six, six, four, four]) == [six, four, six, four]


def shake_hands(play, context, ca_file, host="localhost"):
    heard = []

    def script(conversation):
        heard.append(conversation.line())

    server = play(script, context)
    with secure(connect([address(server.port)]), tls_context(ca_file), host) as sock:
        return sock.version()


def test_a_verified_server_is_talked_to(play, authority, ca_file):
    context = server_context(authority.issue_cert("localhost", "127.0.0.1"))
    assert shake_hands(play, context, ca_file) == "TLSv1.3"
    assert shake_hands(play, context, ca_file, host="127.0.0.1") == "TLSv1.3"


def long_ago():
    return datetime.now(UTC) - timedelta(days=2)


BAD_CERTIFICATES = {
    "expired": lambda ca: ca.issue_cert(
        "localhost", not_before=long_ago() - timedelta(days=9), not_after=long_ago()
    ),
    "wrong host": lambda ca: ca.issue_cert("mail.contoso.test"),
    "unknown authority": lambda ca: type(ca)().issue_cert("localhost"),
}


@pytest.mark.parametrize("issue", BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_a_certificate_that_does_not_fit_is_refused(play, authority, ca_file, issue):
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(play, server_context(issue(authority)), ca_file)


def test_an_old_version_of_tls_is_refused(play, authority, ca_file):
    with warnings.catch_warnings():
        # ssl warns of the very version that this test needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = server_context(authority.issue_cert("localhost"))
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        shake_hands(play, context, ca_file)


@pytest.mark.parametrize("make", [tls_context, mail_tls_context])
@pytest.mark.parametrize("place", ["keys.log", "no-such-folder/keys.log"])
def test_session_keys_are_written_nowhere(
    play, authority, ca_file, monkeypatch, tmp_path, make, place
):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / place))
    context = make(ca_file)
    assert context.keylog_filename is None
    server = play(lambda c: c.line(), server_context(authority.issue_cert("localhost")))
    with secure(connect([address(server.port)]), context, "localhost") as sock:
        assert sock.version()
    assert not (tmp_path / place).exists()


@pytest.mark.parametrize("with_file", [True, False], ids=["file", "system"])
def test_a_context_verifies_as_the_librarys_default_does(ca_file, with_file):
    ours = tls_context(ca_file if with_file else None)
    default = ssl.create_default_context(cafile=str(ca_file) if with_file else None)
    for name in ("check_hostname", "verify_mode", "verify_flags", "options"):
        assert getattr(ours, name) == getattr(default, name), name
    assert ours.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert len(ours.get_ca_certs()) == len(default.get_ca_certs())


def test_only_the_given_authority_is_trusted(ca_file):
    context = tls_context(ca_file)
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_the_plain_socket_is_used_up_by_a_failure(play, ca_file):
    server = play(lambda c: c.send(b"* OK this is no TLS\r\n"))
    sock = connect([address(server.port)])
    with pytest.raises(ssl.SSLError):
        secure(sock, tls_context(ca_file), "localhost")
    assert sock.fileno() == -1


def test_the_default_watches_no_stage():
    with unwatched("tls") as entered:
        assert entered is None


def test_a_session_for_https_is_made_at_first_use(ca_file):
    with DeadlineSession(tls_context(ca_file), proxy=None) as session:
        assert not session.trust_env


def test_the_context_for_mail_is_kept_until_the_authorities_change(ca_file):
    first = mail_tls_context(ca_file)
    assert mail_tls_context(ca_file) is first
    assert first.verify_mode is ssl.CERT_REQUIRED
    assert first.check_hostname
    os.utime(ca_file, ns=(1, 1))
    assert mail_tls_context(ca_file) is not first
    assert mail_tls_context(None) is mail_tls_context(None) is not first


def test_no_http_session_shares_the_context_for_mail(ca_file):
    # urllib3 changes what it is given: ALPN, and whether certificates are verified.
    assert tls_context(ca_file) is not mail_tls_context(ca_file)
    assert tls_context(ca_file) is not tls_context(ca_file)
