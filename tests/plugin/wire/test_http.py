"""HTTP: trust and time are ours alone, bodies stay small, nothing is followed."""

import gzip
import http.client
import time
from types import SimpleNamespace

import pytest
import requests
import urllib3.response
from hypothesis import given, settings
from hypothesis import strategies as st
from salesorder_m365.plugin.wire.deadline import Deadline
from salesorder_m365.plugin.wire.http import (
    MAX_BODY,
    DeadlineSession,
    EncodedResponseError,
    ResponseTooLargeError,
)
from salesorder_m365.plugin.wire.tls import tls_context
from support.loopback import server_context
from urllib3.exceptions import HTTPError


@pytest.fixture
def ask(play, authority, ca_file):
    """Return a function that plays a server and makes one request of it."""

    def request(script, method="GET", proxy=None, **options):
        server = play(script, server_context(authority.issue_cert("localhost")))
        with DeadlineSession(tls_context(ca_file), proxy=proxy) as session:
            return session.request(method, f"https://localhost:{server.port}/", **options)

    return request


def answering(body=b"", *headers, status="200 OK"):
    def script(conversation):
        while conversation.line():
            pass
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        conversation.send("\r\n".join(lines).encode() + body)

    return script


def test_the_authority_is_asked(sim):
    with DeadlineSession(tls_context(sim.ca_file), proxy=None) as session:
        url = f"{sim.authority}/contoso.test/v2.0/.well-known/openid-configuration"
        assert session.get(url).json()["token_endpoint"].startswith(sim.authority)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_proxies_of_the_environment_are_ignored(ask, monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(answering(b"here")).text == "here"


def test_authorities_of_the_environment_are_ignored(ask, monkeypatch, tmp_path):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    assert ask(answering(b"here")).text == "here"


@pytest.mark.parametrize("verify", [False, None])
def test_verification_cannot_be_switched_off(sim, ca_file, verify):
    session = DeadlineSession(tls_context(ca_file), proxy=None)
    with session, pytest.raises(requests.exceptions.SSLError):
        session.get(sim.authority, verify=verify)


def test_plain_http_is_refused(ca_file):
    session = DeadlineSession(tls_context(ca_file), proxy=None)
    with session, pytest.raises(requests.exceptions.InvalidSchema):
        session.get("http://localhost/")


@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_not_followed(ask, status):
    script = answering(b"", "Location: https://elsewhere.example.com/", status=status)
    response = ask(script, method="POST", data={"client_secret": "x"})
    assert response.status_code == int(status[:3])
    assert response.history == []


BOMB = gzip.compress(bytes(40 * MAX_BODY))


def test_a_body_that_is_too_large_is_refused(ask):
    with pytest.raises(ResponseTooLargeError):
        ask(answering(bytes(MAX_BODY + 1)))


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("gzip", "200 OK"),
        ("GZIP", "200 OK"),
        ("gzip, gzip, gzip", "200 OK"),
        ("identity, gzip", "200 OK"),
        ("x-unheard-of", "200 OK"),
        ("gzip", "302 Found"),
        ("gzip", "500 Oh"),
    ],
)
def test_an_encoded_body_is_refused_and_not_decoded(ask, coding, status, monkeypatch):
    decoded = []
    monkeypatch.setattr(urllib3.response, "_get_decoder", decoded.append)
    with pytest.raises(EncodedResponseError):
        ask(answering(BOMB[:1000], f"Content-Encoding: {coding}", "Location: /", status=status))
    assert decoded == []


def test_two_headers_of_encoding_are_one_list(ask):
    with pytest.raises(EncodedResponseError):
        ask(answering(BOMB[:1000], "Content-Encoding: identity", "Content-Encoding: gzip"))


@pytest.mark.parametrize("headers", [{}, {"accept-encoding": "gzip"}, {"X-Other": "1"}, None])
def test_answers_are_asked_for_as_they_are(play, authority, ca_file, headers):
    server = play(answering(b"here"), server_context(authority.issue_cert("localhost")))
    with DeadlineSession(tls_context(ca_file), proxy=None) as session:
        url = f"https://localhost:{server.port}/"
        answer = session.get(url, headers=headers)
    asked = [line for line in server.said if line.lower().startswith(b"accept-encoding")]
    assert asked == [b"Accept-Encoding: identity"]
    assert answer.text == "here"


@pytest.mark.parametrize("header", ["Content-Encoding: identity", "Content-Encoding:"])
def test_an_answer_that_says_it_is_plain_is_taken(ask, header):
    assert ask(answering(b"here", header)).text == "here"


def test_no_cookie_is_kept(play, authority, ca_file):
    server = play(
        answering(
            b"", "Connection: close", "Set-Cookie: fpc=abc; path=/", "Set-Cookie: x=1; secure"
        ),
        server_context(authority.issue_cert("localhost")),
    )
    with DeadlineSession(tls_context(ca_file), proxy=None) as session:
        session.get(f"https://localhost:{server.port}/")
        session.get(f"https://localhost:{server.port}/")
        assert list(session.cookies) == []
    said = [line for each in server.conversations for line in each.lines]
    assert sum(line.startswith(b"GET") for line in said) == 2
    assert not [line for line in said if line.lower().startswith(b"cookie")]


def test_a_host_that_debugs_http_sees_no_secret(ask, monkeypatch, capsys):
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    ask(answering(b"here"), method="POST", data={"client_secret": "a-canary"})
    assert capsys.readouterr().out == ""
    # The control: with another connection the same switch prints it.
    other = http.client.HTTPConnection("localhost")
    other.sock = SimpleNamespace(sendall=lambda data: None)
    other.request("POST", "/", "client_secret=a-canary")
    assert "a-canary" in capsys.readouterr().out


def test_a_body_of_the_largest_size_is_taken(ask):
    assert len(ask(answering(bytes(MAX_BODY))).content) == MAX_BODY


def endless_header(conversation):
    conversation.line()
    conversation.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        conversation.send(b"X: y\r\n")
        conversation.pause(0.02)


def endless_body(conversation):
    conversation.line()
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        conversation.send(b"x")
        conversation.pause(0.02)


@pytest.mark.parametrize(
    "script",
    [lambda c: c.pause(), endless_header, endless_body],
    ids=["silent", "slow header", "slow body"],
)
def test_a_slow_server_is_left_at_the_deadline(ask, script):
    started = time.monotonic()
    with Deadline.after(0.5).applied(), pytest.raises(requests.RequestException):
        ask(script)
    assert time.monotonic() - started < 5


def test_a_server_that_hangs_up_is_a_connection_error(ask):
    with pytest.raises(requests.ConnectionError):
        ask(lambda c: c.line())


@pytest.mark.parametrize(
    "url",
    ["https://localhost:9/", f"https://{'a' * 64}.test/"],
    ids=["refused", "no such name"],
)
def test_what_cannot_be_reached_is_a_connection_error(ca_file, url):
    session = DeadlineSession(tls_context(ca_file), proxy=None)
    with session, pytest.raises(requests.ConnectionError):
        session.get(url)


def test_a_proxy_of_the_settings_is_used(play, ca_file):
    server = play(lambda c: (c.line(), c.send(b"HTTP/1.1 403 Forbidden\r\n\r\n")))
    session = DeadlineSession(tls_context(ca_file), proxy=f"http://127.0.0.1:{server.port}")
    with session, pytest.raises(requests.exceptions.ProxyError):
        session.get("https://login.example.com/")
    assert server.said[0].startswith(b"CONNECT login.example.com:443 HTTP/1.")


HEADER_VALUES = st.one_of(
    st.binary(max_size=40),
    st.sampled_from([b"-5", b"5, 6", b"abc", b"chunked", b"gzip, chunked", b"9" * 5000, b"\xb2"]),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(b"Content-Length", b"Transfer-Encoding", b"Content-Encoding", b"Content-Type"),
                *(b"Retry-After", b"Location", b"Set-Cookie", b"Connection", b"X-Other", b""),
            ]
        ),
        HEADER_VALUES,
    ),
    max_size=5,
)
STATUS_LINES = st.one_of(
    st.integers(0, 1200).map(lambda status: b"HTTP/1.1 %d Oh" % status),
    st.sampled_from([b"HTTP/1.1 200", b"HTTP/9.9 200 OK", b"HTTP/1.0 200 OK", b"* OK IMAP4", b""]),
    st.binary(max_size=40),
)


def test_any_bytes_are_an_answer_or_an_exception_of_http(play, authority, ca_file):
    written = []

    def script(conversation):
        while conversation.line():
            pass
        conversation.send(written[-1])

    server = play(script, server_context(authority.issue_cert("localhost")))
    session = DeadlineSession(tls_context(ca_file), proxy=None)

    @settings(max_examples=150, deadline=None)
    @given(STATUS_LINES, HEADERS, st.binary(max_size=200))
    def ask(status, headers, body):
        lines = [status, *(name + b": " + value for name, value in headers)]
        written.append(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        try:
            with Deadline.after(10).applied():
                answer = session.post(f"https://localhost:{server.port}/", data={"a": "b"})
        except (requests.RequestException, HTTPError):
            return
        assert len(answer.content) <= MAX_BODY
        assert list(session.cookies) == []

    with session:
        ask()
