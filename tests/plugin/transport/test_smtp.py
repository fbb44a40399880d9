"""SMTP: against the stand-in, and against servers that play what no honest one does."""

import base64
import gc
import logging
import socket
import time
from contextlib import contextmanager

import pytest
from salesorder_m365.plugin.errors import MailError
from salesorder_m365.plugin.findings.classify import network_code
from salesorder_m365.plugin.findings.mail_replies import smtp_code
from salesorder_m365.plugin.transport.smtp import smtp_session
from salesorder_m365.plugin.transport.xoauth2 import xoauth2
from salesorder_m365.plugin.wire.deadline import Deadline, TooMuchDataError
from support.loopback import TripCounter, server_context

SALES = "sales@contoso.test"
CHALLENGE = base64.b64encode(b'{"status":"400"}')
OFFERS = ("PIPELINING", "STARTTLS", "SMTPUTF8")


class Stages:
    """Notes which stages were entered, and which one broke."""

    def __init__(self):
        self.entered = []
        self.broken = None

    @contextmanager
    def __call__(self, stage):
        self.entered.append(stage)
        try:
            yield
        except BaseException:
            self.broken = stage
            raise


@pytest.fixture
def opened(sim, settings_for):
    """Return a function that signs in to the stand-in."""

    def sign_in(username=SALES, *, token=None, stage=None, **changes):
        more = {"stage": stage} if stage else {}
        token = token or sim.new_token(SALES)
        return smtp_session(settings_for(sim, **changes), username=username, token=token, **more)

    return sign_in


def hello(conversation, *offers):
    conversation.line()
    lines = [f"250-{offer}\r\n" for offer in ("localhost", *offers)]
    conversation.send("".join(lines).encode() + b"250 8BITMIME\r\n")


@pytest.fixture
def play_smtp(play, authority, scripted_settings):
    """Return a function that plays a server and signs in to it; `then` begins behind STARTTLS."""

    def start(then=None, *, script=None, issued="localhost", offers=OFFERS, stage=None, **changes):
        context = server_context(authority.issue_cert(issued))

        def secured(conversation):
            conversation.send(b"220 ready\r\n")
            hello(conversation, *offers)
            conversation.line()
            conversation.send(b"220 go ahead\r\n")
            conversation.secure(context)
            hello(conversation, *offers)
            then(conversation)

        server = play(script or secured)
        more = {"stage": stage} if stage else {}
        settings = scripted_settings(server.port, **changes)
        return server, smtp_session(settings, username=SALES, token="canary-token", **more)

    return start


def signing_in(*replies):
    """Return what lets anybody in, and then gives these replies, one per line that comes."""

    def then(conversation):
        conversation.line()
        conversation.send(b"235 2.7.0 Authentication successful\r\n")
        for reply in replies:
            conversation.line()
            conversation.send(reply)
        conversation.line()

    return then


def failure(session, use=lambda s: None):
    with pytest.raises(MailError) as caught, session as opened:
        use(opened)
    return caught.value


class TestStandIn:
    def test_the_stages_are_entered_in_order(self, opened):
        stages = Stages()
        with opened(stage=stages) as session:
            session.check_sender(SALES)
        assert stages.entered == ["name", "connect", "tls", "sign_in"]

    def test_a_sender_with_send_as_is_taken(self, opened, sim):
        with opened() as session:
            session.check_sender("info@contoso.test")
        assert sim.tenant.submissions == []

    def test_a_sender_without_send_as_is_refused(self, opened, sim):
        sim.tenant.policies.send_as_checked_at = "mail_from"
        error = failure(opened(), lambda s: s.check_sender("orders@contoso.test"))
        assert (error.code, error.stage) == ("send_as_denied", "sender")
        assert "not allowed to send as orders@contoso.test" in error.server_words

    def test_eight_round_trips_with_the_sender(self, opened, sim):
        counter = TripCounter(sim.smtp_port)
        try:
            with opened(smtp=f"localhost:{counter.port}") as session:
                session.check_sender(SALES)
        finally:
            counter.close()
        assert 2 + counter.flights <= 8  # the TCP connection and the greeting come before

    def test_a_refused_token_is_told_with_the_servers_words(self, opened):
        error = failure(opened(token="no-token"))
        assert (error.code, error.stage) == ("smtp_refused", "sign_in")
        assert error.server_words.startswith("535 5.7.3 Authentication unsuccessful")

    @pytest.mark.parametrize(
        ("policy", "code"),
        [
            ({"smtp_auth_disabled": True}, "smtp_auth_disabled"),
            ({"smtp_auth_disabled_for": {SALES}}, "smtp_auth_disabled_mailbox"),
            ({"security_defaults": True}, "security_defaults"),
            ({"smtp_auth_reply": "454 4.7.0 Temporary authentication failure"}, "server_busy"),
        ],
        ids=["tenant", "mailbox", "security defaults", "passing"],
    )
    def test_what_the_tenant_forbids_is_told(self, opened, sim, policy, code):
        for name, value in policy.items():
            setattr(sim.tenant.policies, name, value)
        error = failure(opened())
        assert (error.code, error.stage) == (code, "sign_in")

    def test_too_many_connections_are_told_at_the_sender(self, opened, sim):
        sim.tenant.policies.mail_from_reply = "432 4.3.2 Concurrent connections limit exceeded"
        error = failure(opened(), lambda s: s.check_sender(SALES))
        assert (error.code, error.stage) == ("too_many_connections", "sender")

    def test_the_token_is_in_no_log(self, opened, sim, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        token = sim.new_token(SALES)
        logging.getLogger("control").debug("seen")
        with opened(token=token) as session:
            session.check_sender(SALES)
        output = caplog.text + "".join(capfd.readouterr())
        assert "seen" in output
        assert token not in output
        assert xoauth2(SALES, token)[-40:] not in output

    def test_an_error_of_the_caller_stays_the_callers(self, opened):
        with pytest.raises(KeyError), opened():
            raise KeyError("mine")


def no_starttls(conversation):
    conversation.send(b"220 ready\r\n")
    hello(conversation, "AUTH XOAUTH2")
    conversation.line()


def injecting(conversation):
    conversation.send(b"220 ready\r\n")
    hello(conversation, *OFFERS)
    conversation.line()
    conversation.send(b"220 go ahead\r\n250-evil\r\n250 AUTH XOAUTH2\r\n")
    conversation.line()


def refusing_starttls(conversation):
    conversation.send(b"220 ready\r\n")
    hello(conversation, *OFFERS)
    conversation.line()
    conversation.send(b"454 4.7.0 TLS not available due to temporary reason\r\n")
    conversation.line()


def dribble(conversation):
    while True:
        conversation.send(b"2")
        conversation.pause(0.05)


def endless(conversation):
    while True:
        conversation.send(b"220-" + b"x" * 1000 + b"\r\n")


BEFORE_SIGN_IN = {
    "no STARTTLS": (no_starttls, "starttls_missing"),
    "STARTTLS refused": (refusing_starttls, smtp_code(454, "4.7.0 TLS not available", stage="tls")),
    "injected answers": (injecting, "starttls_injection"),
    "silent": (lambda c: c.pause(), network_code(TimeoutError(), stage="tls")),
    "dribbling": (dribble, network_code(TimeoutError(), stage="tls")),
    "endless": (endless, network_code(TooMuchDataError(), stage="tls")),
    "drops": (lambda c: None, network_code(ConnectionResetError(), stage="tls")),
    "busy": (lambda c: c.send(b"421 4.3.2 Service not active\r\n"), "server_busy"),
    "no SMTP": (lambda c: c.send(b"* OK IMAP4 ready\r\n"), "smtp_unknown"),
    "long line": (lambda c: c.send(b"220 " + b"x" * 9000), "too_much_data"),
    "not UTF-8": (lambda c: c.send(b"554 \xff\xfe\r\n"), "smtp_unknown"),
}


class TestHostile:
    @pytest.mark.parametrize(("script", "code"), BEFORE_SIGN_IN.values(), ids=BEFORE_SIGN_IN)
    def test_no_word_of_the_token_before_tls(self, play_smtp, script, code):
        stages = Stages()
        seconds = 20 if script is endless else 1.5  # reaching the cap takes a busy machine its time
        server, session = play_smtp(script=script, stage=stages, mail_timeout=seconds)
        started = time.monotonic()
        error = failure(session)
        assert (error.code, error.stage, stages.broken) == (code, "tls", "tls")
        assert all(b"AUTH" not in line for line in server.said)
        assert time.monotonic() - started < 15

    def test_an_answer_that_comes_late_in_the_clear_breaks_the_handshake(self, play_smtp):
        def script(conversation):
            conversation.send(b"220 ready\r\n")
            hello(conversation, *OFFERS)
            conversation.line()
            conversation.send(b"220 go ahead\r\n")
            conversation.sock.recv(5)  # of the client's hello
            conversation.send(b"250-evil\r\n250 AUTH XOAUTH2\r\n")
            conversation.line()

        _, session = play_smtp(script=script)
        error = failure(session)
        assert (error.code, error.stage) == ("tls_failed", "tls")

    @pytest.mark.parametrize(
        "reply",
        [
            b"500 5.5.2 Line too long",
            b"501 5.5.4 Syntax error in parameters",
            b"501 5.5.124 Invalid XOAUTH2 auth data",
            b"502 5.5.1 Not implemented",
            b"504 5.7.4 Unrecognized authentication type",
            b"552 5.3.4 Exceeded",
            b"554 5.5.1 Error",
            b"555 5.5.4 Unsupported option",
        ],
    )
    @pytest.mark.parametrize("second", [b"235 yes", b"535 5.7.3 Authentication unsuccessful"])
    def test_a_line_that_is_not_understood_is_sent_in_two(self, play_smtp, reply, second):
        def then(conversation):
            for answer in (reply, b"334 ", second):
                conversation.line()
                conversation.send(answer + b"\r\n")
            conversation.line()

        server, session = play_smtp(then)
        if second.startswith(b"235"):
            with session:
                pass
        else:
            assert failure(session).code == "smtp_refused"
        server.finish()
        auth, blob = server.said[-3:-1]
        assert auth == b"AUTH XOAUTH2"
        assert base64.b64decode(blob).startswith(b"user=" + SALES.encode())

    def test_a_server_that_then_hangs_up_is_told_by_its_words(self, play_smtp):
        def then(conversation):
            conversation.line()
            conversation.send(b"504 5.7.4 Unrecognized authentication type\r\n")

        _, session = play_smtp(then)
        assert failure(session).code == "xoauth2_missing"

    @pytest.mark.parametrize("reply", [b"535 5.7.3 no", b"530 no", b"454 4.7.0 later", b"534 no"])
    def test_a_refusal_of_the_person_is_not_about_the_line(self, play_smtp, reply):
        def then(conversation):
            conversation.line()
            conversation.send(reply + b"\r\n")
            conversation.line()

        server, session = play_smtp(then)
        failure(session)
        server.finish()
        assert sum(line.startswith(b"AUTH") for line in server.said) == 1

    def test_a_certificate_for_another_host_ends_it(self, play_smtp):
        server, session = play_smtp(signing_in(), issued="mail.contoso.test")
        error = failure(session)
        assert (error.code, error.stage) == ("tls_wrong_host", "tls")
        assert server.said[-1] == b"STARTTLS"

    @pytest.mark.parametrize("reply", [b"235 yes\r\n", b"535 5.7.3 no\r\n"])
    def test_an_error_challenge_is_answered_with_an_empty_line(self, play_smtp, reply):
        def then(conversation):
            conversation.line()
            conversation.send(b"334 " + CHALLENGE + b"\r\n")
            conversation.line()
            conversation.send(reply)
            conversation.line()

        server, session = play_smtp(then)
        if reply.startswith(b"235"):
            with session:
                pass
        else:
            assert failure(session).server_words == '535 5.7.3 no {"status":"400"}'
        auth, answer = server.said[3:5]
        assert auth == b"AUTH XOAUTH2 " + xoauth2(SALES, "canary-token").encode()
        assert answer == b""

    @pytest.mark.parametrize(
        "reply", [b"250 ok\r\n", b"503 already\r\n", b"334 again\r\n", b"x\r\n"]
    )
    def test_nothing_but_235_is_a_success(self, play_smtp, reply):
        def then(conversation):
            while conversation.line() or len(conversation.lines) < 6:
                conversation.send(reply)

        _, session = play_smtp(then)
        assert failure(session).stage == "sign_in"

    @pytest.mark.parametrize("begun", [b"2", b"235", b"235 2.7.0 Auth", b"235-2.7.0 Auth"])
    def test_a_line_that_breaks_off_is_no_answer(self, play_smtp, begun):
        def then(conversation):
            conversation.line()
            conversation.send(begun)

        _, session = play_smtp(then)
        error = failure(session)
        assert error.stage == "sign_in"
        assert error.code == network_code(ConnectionResetError(), stage="sign_in")

    @pytest.mark.parametrize("begun", [b"2", b"250", b"250 AUTH XOAUTH2"])
    def test_nor_is_one_in_the_clear(self, play_smtp, begun):
        def script(conversation):
            conversation.send(b"220 ready\r\n")
            conversation.line()
            conversation.send(begun)

        _, session = play_smtp(script=script)
        error = failure(session)
        assert error.stage == "tls"
        assert error.code == network_code(ConnectionResetError(), stage="tls")

    def test_a_drop_in_mid_auth_is_a_network_finding(self, play_smtp):
        _, session = play_smtp(lambda c: c.line())
        error = failure(session)
        assert error.code == network_code(ConnectionResetError(), stage="sign_in")
        assert error.stage == "sign_in"

    def test_with_pipelining_all_goes_at_once(self, play_smtp):
        def then(conversation):
            conversation.line()
            conversation.send(b"235 yes\r\n")
            for _ in range(3):
                conversation.line()
            conversation.send(b"250 ok\r\n250 ok\r\n221 bye\r\n")

        server, session = play_smtp(then)
        with session as opened:
            opened.check_sender(SALES)
        assert server.said[-3:] == [b"MAIL FROM:<sales@contoso.test>", b"RSET", b"QUIT"]

    def test_without_pipelining_one_goes_after_the_other(self, play_smtp):
        replies = b"250 ok\r\n", b"250 ok\r\n", b"221 bye\r\n"
        server, session = play_smtp(signing_in(*replies), offers=["STARTTLS"])
        with session as opened:
            opened.check_sender(SALES)
        server.finish()
        assert server.said[4:7] == [b"MAIL FROM:<sales@contoso.test>", b"RSET", b"QUIT"]

    @pytest.mark.parametrize("offers", [OFFERS, ["STARTTLS"]], ids=["pipelined", "in turn"])
    def test_a_refused_sender_is_told_whatever_comes_after(self, play_smtp, offers):
        _, session = play_smtp(signing_in(b"550 5.7.60 not yours\r\n"), offers=offers)
        error = failure(session, lambda s: s.check_sender(SALES))
        assert (error.code, error.stage) == ("send_as_denied", "sender")

    @pytest.mark.parametrize(
        "sender",
        ["a>\r\nRCPT TO:<b@contoso.test", "a b@contoso.test", "<a@contoso.test>", "a\x00@b.test"],
    )
    def test_a_sender_that_could_break_out_is_refused_unsent(self, play_smtp, sender):
        server, session = play_smtp(signing_in())
        error = failure(session, lambda s: s.check_sender(sender))
        assert (error.code, error.stage) == ("sender_unspeakable", "sender")
        server.finish()
        assert all(b"MAIL" not in line for line in server.said)

    def test_an_address_outside_ascii_needs_smtputf8(self, play_smtp):
        server, session = play_smtp(signing_in(b"250 ok\r\n"))
        with session as opened:
            opened.check_sender("büro@contoso.test")
        assert "MAIL FROM:<büro@contoso.test> SMTPUTF8".encode() in server.said
        _, session = play_smtp(signing_in(), offers=["STARTTLS"])
        error = failure(session, lambda s: s.check_sender("büro@contoso.test"))
        assert error.code == "sender_unspeakable"

    def test_quit_is_sent_but_not_awaited(self, play_smtp):
        server, session = play_smtp(signing_in())
        started = time.monotonic()
        with session:
            pass
        assert time.monotonic() - started < 3
        server.finish()
        assert b"QUIT" in server.said

    def test_the_deadline_in_force_is_kept(self, play_smtp):
        _, session = play_smtp(script=lambda c: c.pause(), mail_timeout=60)
        started = time.monotonic()
        with Deadline.after(0.5).applied():
            failure(session)
        assert time.monotonic() - started < 5

    @pytest.mark.parametrize("stage", ["name", "connect"])
    def test_what_cannot_be_reached_says_on_which_stage(self, scripted_settings, stage):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        host = f"{'a' * 64}.test" if stage == "name" else "localhost"
        settings = scripted_settings(port, host=host)
        error = failure(smtp_session(settings, username=SALES, token="token"))
        assert error.stage == stage

    def test_a_user_that_could_break_out_is_refused_unsent(self, play_smtp, scripted_settings):
        server, _ = play_smtp(signing_in())
        settings = scripted_settings(server.port)
        error = failure(smtp_session(settings, username="a\x01b", token="canary-token"))
        assert (error.code, error.stage) == ("xoauth2_refused", "sign_in")


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left_open():
    """Warnings are errors: an unclosed socket shows when it is collected."""
    yield
    gc.collect()
