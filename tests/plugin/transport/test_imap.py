"""IMAP: against the stand-in, and against servers that play what no honest one does."""

import base64
import gc
import imaplib
import io
import logging
import socket
import subprocess
import sys
import time
import traceback
import tracemalloc
from contextlib import contextmanager

import pytest
from salesorder_m365.plugin.errors import MailError
from salesorder_m365.plugin.findings.classify import network_code
from salesorder_m365.plugin.findings.mail_replies import imap_code
from salesorder_m365.plugin.transport import imap_client
from salesorder_m365.plugin.transport.imap import IN_FLIGHT, imap_session
from salesorder_m365.plugin.transport.listing import MAX_FOLDERS
from salesorder_m365.plugin.transport.xoauth2 import xoauth2
from salesorder_m365.plugin.wire.deadline import MAX_BYTES, Deadline, TooMuchDataError
from support.loopback import TripCounter, server_context

SALES = "sales@contoso.test"
GREETING = b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n"
CHALLENGE = base64.b64encode(b'{"status":"400"}')


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
    """Return a function that opens a mailbox of the stand-in."""

    def open_mailbox(mailbox=SALES, *, user=None, token=None, stage=None, **changes):
        token = token or sim.new_token(user or mailbox)
        more = {"stage": stage} if stage else {}
        return imap_session(settings_for(sim, **changes), mailbox=mailbox, token=token, **more)

    return open_mailbox


@pytest.fixture
def play_imap(play, authority, scripted_settings):
    """Return a function that plays a server over TLS and opens a session with it."""

    def start(script, *, stage=None, **changes):
        server = play(script, server_context(authority.issue_cert("localhost")))
        more = {"stage": stage} if stage else {}
        settings = scripted_settings(server.port, **changes)
        return server, imap_session(settings, mailbox=SALES, token="canary-token", **more)

    return start


def signing_in(then=None, *, greeting=GREETING):
    """Return a script that lets anybody in, and answers each later command by `then(line, tag)`."""

    def script(conversation):
        conversation.send(greeting)
        tag = conversation.line().split()[0]
        conversation.send(tag + b" OK AUTHENTICATE completed.\r\n")
        while line := conversation.line():
            if then is not None:
                conversation.send(then(line, line.split()[0]))

    return script


def failure(session, use=lambda s: s.folders()):
    with pytest.raises(MailError) as caught, session as opened:
        use(opened)
    return caught.value


def failure_of(verb, *arguments):
    with pytest.raises(MailError) as caught:
        verb(*arguments)
    return caught.value


class TestStandIn:
    def test_the_stages_are_entered_in_order(self, opened):
        stages = Stages()
        with opened(stage=stages) as session:
            assert len(session.folders()) == 10
        assert stages.entered == ["name", "connect", "tls", "sign_in"]
        assert stages.broken is None

    def test_names_and_attributes_are_read(self, opened):
        with opened("invoices@contoso.test") as session:
            folders = {folder.path: folder for folder in session.folders()}
        assert folders["Entw&APw-rfe"].parts == ("Entwürfe",)
        with opened() as session:
            folders = {folder.path: folder for folder in session.folders()}
        assert "\\sent" in folders["Sent Items"].attributes

    def test_a_shared_mailbox_is_opened_by_its_delegate(self, opened):
        with opened("info@contoso.test", user=SALES) as session:
            assert session.folders()

    def test_a_folder_has_a_uid_validity_until_it_has_gone(self, opened, sim):
        sim.tenant.create_folder(SALES, 'Kunden "Süd" \\ R&D')
        with opened() as session:
            (path,) = (f.path for f in session.folders() if f.parts[0].startswith("Kunden"))
            validity = session.uid_validity(path)
            assert validity == session.uid_validities([path, "INBOX"])[path]
            assert validity > 0
            sim.tenant.delete_folder(SALES, 'Kunden "Süd" \\ R&D')
            assert session.uid_validity(path) is None

    def test_a_name_that_cannot_be_said_is_never_there(self, opened):
        with opened() as session:
            assert session.uid_validities(["a\r\nb LOGOUT", "\ufffd", ""]) == {
                "a\r\nb LOGOUT": None,
                "\ufffd": None,
                "": None,
            }
            assert session.uid_validity("INBOX")

    def test_any_number_of_folders_goes_in_small_flights(self, opened, sim):
        counter = TripCounter(sim.imap_port)
        try:
            with opened(imap=f"localhost:{counter.port}") as session:
                before = counter.flights
                found = session.uid_validities([str(n) for n in range(2 * IN_FLIGHT + 1)])
                assert set(found.values()) == {None}
                assert counter.flights == before + 3
        finally:
            counter.close()

    def test_five_round_trips_and_one_for_all_statuses(self, opened, sim):
        counter = TripCounter(sim.imap_port)
        try:
            with opened(imap=f"localhost:{counter.port}") as session:
                session.folders()
                assert 1 + counter.flights <= 5  # one is the TCP connection
                before = counter.flights
                session.uid_validities(["INBOX", "Drafts", "Sent Items", "none"])
                assert counter.flights == before + 1
        finally:
            counter.close()

    def test_a_refused_token_is_told_with_the_servers_words(self, opened):
        error = failure(opened(token="no-token"))
        assert error.stage == "sign_in"
        assert error.code == imap_code("NO AUTHENTICATE failed.", stage="sign_in")
        assert error.server_words.startswith("NO AUTHENTICATE failed.")

    def test_signed_in_and_yet_not_connected(self, opened, sim):
        sim.tenant.policies.authenticated_but_not_connected_for = {SALES}
        error = failure(opened())
        words = "BAD User is authenticated but not connected."
        assert error.stage == "mailbox"
        assert error.code == imap_code(words, stage="mailbox")
        assert error.server_words == words

    def test_throttling_says_how_long_to_wait(self, opened, sim):
        words = "NO Request is throttled. Suggested Backoff Time: 4500 milliseconds"
        sim.tenant.policies.imap_auth_reply = words
        error = failure(opened())
        assert error.code == imap_code(words, stage="sign_in")
        assert error.retry_after == 4.5

    def test_without_imaplibs_private_parts_the_long_way_is_taken(self, opened, monkeypatch):
        monkeypatch.setattr(imap_client, "_private_parts_are_there", lambda: False)
        with opened() as session:
            assert len(session.folders()) == 10
            found = session.uid_validities(["INBOX", "none"])
        assert found["INBOX"] > 0
        assert found["none"] is None
        error = failure(opened(token="no-token"))
        assert error.server_words.startswith("NO AUTHENTICATE failed.")

    def test_a_mailbox_that_could_break_out_is_refused_unsent(self, opened, sim):
        error = failure(opened("a\x01auth=Bearer b", token=sim.new_token(SALES)))
        assert (error.code, error.stage) == ("xoauth2_refused", "sign_in")

    def test_the_token_is_in_no_log_and_no_memory_of_imaplib(self, opened, sim, caplog):
        caplog.set_level(logging.DEBUG)
        token = sim.new_token(SALES)
        blob = xoauth2(SALES, token)
        logging.getLogger("imapclient").debug("control: %s", "seen")
        with opened(token=token) as session:
            session.folders()
            assert blob not in repr(vars(session.client.wire))
        assert "control: seen" in caplog.text
        assert token not in caplog.text
        assert blob[-40:] not in caplog.text

    def test_an_error_of_the_caller_stays_the_callers(self, opened):
        with pytest.raises(KeyError), opened():
            raise KeyError("mine")


MIXED = b"""\
* LIST () "/" INBOX\r
* LIST () "/" "braces {3}"\r
* LIST () "/" {7}\r
literal\r
* 3 EXISTS\r
* LIST () "/" "after"\r
* LIST () "/" ends}\r
* LIST () "/" last\r
"""


def test_plain_lines_and_others_are_one_list_in_the_servers_order(play_imap):
    _, session = play_imap(signing_in(lambda _, tag: MIXED + tag + b" OK done\r\n"))
    with session as opened:
        paths = [folder.path for folder in opened.folders()]
    assert paths == ["INBOX", "braces {3}", "literal", "after", "ends}", "last"]


def test_a_list_that_ends_with_no_is_refused_whatever_came_before(play_imap):
    no = b'* LIST () "/" INBOX\r\n%s NO try later\r\n'
    _, session = play_imap(signing_in(lambda _, tag: no % tag))
    assert failure(session).server_words == "NO try later"


NETWORK = {
    "silent": (lambda c: c.pause(), TimeoutError(), "sign_in"),
    "drops at once": (lambda c: None, ConnectionResetError(), "sign_in"),
    "drops in mid-auth": (
        lambda c: (c.send(GREETING), c.line()),
        ConnectionResetError(),
        "sign_in",
    ),
    "drops in a line": (
        lambda c: (c.send(GREETING), c.line(), c.send(b"A")),
        ConnectionResetError(),
        "sign_in",
    ),
    "drops after sign-in": (
        lambda c: (c.send(GREETING), c.send(c.line().split()[0] + b" OK done\r\n"), c.line()),
        ConnectionResetError(),
        "mailbox",
    ),
}


def dribble(conversation):
    conversation.send(b"* OK ")
    while True:
        conversation.send(b"x")
        conversation.pause(0.05)


def endless_list(conversation):
    conversation.send(GREETING)
    tag = conversation.line().split()[0]
    conversation.send(tag + b" OK done\r\n")
    conversation.line()
    while True:
        conversation.send(b'* LIST () "/" "' + b"x" * 1000 + b'"\r\n')


class TestHostile:
    @pytest.mark.parametrize(("script", "cause", "stage"), NETWORK.values(), ids=NETWORK)
    def test_what_breaks_on_the_way_is_a_network_finding(self, play_imap, script, cause, stage):
        _, session = play_imap(script, mail_timeout=1)
        error = failure(session)
        assert (error.code, error.stage) == (network_code(cause, stage=stage), stage)

    def test_a_server_that_dribbles_is_left_at_the_deadline(self, play_imap):
        stages = Stages()
        _, session = play_imap(dribble, mail_timeout=1, stage=stages)
        started = time.monotonic()
        error = failure(session)
        assert time.monotonic() - started < 5
        assert error.code == network_code(TimeoutError(), stage="sign_in")
        assert stages.broken == "sign_in"

    def test_the_deadline_in_force_is_kept(self, play_imap):
        _, session = play_imap(lambda c: c.pause(), mail_timeout=60)
        started = time.monotonic()
        with Deadline.after(0.5).applied():
            failure(session)
        assert time.monotonic() - started < 5

    def test_an_endless_list_is_cut_off_in_bounded_memory(self, play_imap):
        _, session = play_imap(endless_list, mail_timeout=60)
        tracemalloc.start()
        try:
            error = failure(session)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert error.code == network_code(TooMuchDataError(), stage="mailbox")
        assert peak < 50 * 1024 * 1024

    @pytest.mark.parametrize(
        "size", [b"999999999999", b"4000000000", b"9" * 5000], ids=["TB", "GB", "nonsense"]
    )
    def test_a_huge_literal_is_refused_before_it_comes(self, play_imap, size):
        _, session = play_imap(signing_in(lambda *_: b'* LIST () "/" {' + size + b"}\r\n"))
        tracemalloc.start()
        try:
            error = failure(session)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert error.stage == "mailbox"
        assert peak < 50 * 1024 * 1024

    def test_a_preauth_greeting_is_refused_and_nothing_is_said(self, play_imap):
        server, session = play_imap(lambda c: (c.send(b"* PREAUTH welcome\r\n"), c.line()))
        error = failure(session)
        assert (error.code, error.stage) == ("imap_preauth", "sign_in")
        assert all(b"canary" not in line for line in server.said)
        assert server.said in ([], [b""])

    def test_a_greeting_that_refuses_is_told(self, play_imap):
        _, session = play_imap(lambda c: c.send(b"* BYE Too many connections. 14\r\n"))
        error = failure(session)
        assert error.stage == "sign_in"
        assert error.server_words == "BYE Too many connections. 14"

    def test_a_greeting_that_is_none_is_told(self, play_imap):
        _, session = play_imap(lambda c: (c.send(b"HTTP/1.1 400 Bad Request\r\n"), c.line()))
        assert failure(session).stage == "sign_in"

    def test_an_error_challenge_is_answered_with_an_empty_line(self, play_imap):
        def script(conversation):
            conversation.send(GREETING)
            tag = conversation.line().split()[0]
            conversation.send(b"+ " + CHALLENGE + b"\r\n")
            conversation.line()
            conversation.send(tag + b" NO AUTHENTICATE failed.\r\n")
            conversation.line()

        server, session = play_imap(script)
        error = failure(session)
        assert error.server_words == 'NO AUTHENTICATE failed. {"status":"400"}'
        assert server.said[1] == b""
        assert server.said[0].split()[1:3] == [b"AUTHENTICATE", b"XOAUTH2"]

    @pytest.mark.parametrize("greeting", [GREETING, b"* OK [CAPABILITY IMAP4rev1] ready\r\n"])
    def test_endless_challenges_are_not_answered_for_ever(self, play_imap, greeting):
        def script(conversation):
            conversation.send(greeting)
            while conversation.line() or len(conversation.lines) < 9:
                conversation.send(b"+ \r\n")

        server, session = play_imap(script)
        assert failure(session).stage == "sign_in"
        assert len(server.said) < 10

    def test_a_server_that_echoes_the_token_does_not_get_it_into_a_traceback(self, play_imap):
        def script(conversation):
            conversation.send(GREETING)
            line = conversation.line()
            conversation.send(line.split()[0] + b" BAD What is " + line + b"?\r\n")
            conversation.line()

        _, session = play_imap(script)
        error = failure(session)
        assert error.server_words.startswith("BAD What is")
        assert xoauth2(SALES, "canary-token") not in "".join(traceback.format_exception(error))

    def test_without_sasl_ir_the_blob_waits_for_the_challenge(self, play_imap):
        def script(conversation):
            conversation.send(b"* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] ready\r\n")
            tag = conversation.line().split()[0]
            conversation.send(b"+ \r\n")
            conversation.line()
            conversation.send(tag + b" OK done\r\n")
            conversation.line()

        server, session = play_imap(script)
        with session:
            pass
        assert server.said[0].split()[1:] == [b"AUTHENTICATE", b"XOAUTH2"]
        assert base64.b64decode(server.said[1]) == (
            b"user=sales@contoso.test\x01auth=Bearer canary-token\x01\x01"
        )

    def test_an_unknown_greeting_is_followed_by_the_question_for_capabilities(self, play_imap):
        def script(conversation):
            conversation.send(b"* OK ready\r\n")
            tag = conversation.line().split()[0]
            conversation.send(b"* CAPABILITY IMAP4rev1 SASL-IR\r\n" + tag + b" OK done\r\n")
            conversation.send(conversation.line().split()[0] + b" OK done\r\n")
            conversation.line()

        server, session = play_imap(script)
        with session:
            pass
        assert server.said[0].endswith(b"CAPABILITY")
        assert len(server.said[1].split()) == 4

    def test_bye_in_the_middle_is_told_with_its_words(self, play_imap):
        bye = b"* BYE Session invalidated - AccessTokenExpired\r\n"

        def script(conversation):
            conversation.send(GREETING)
            conversation.send(conversation.line().split()[0] + b" OK done\r\n")
            conversation.line()
            conversation.send(bye)

        _, session = play_imap(script)
        error = failure(session)
        assert error.server_words == bye[2:].decode().strip()
        assert error.code == imap_code(error.server_words, stage="mailbox")

    @pytest.mark.parametrize(
        "answer",
        [
            b"%s NO failed\r\n",
            b"%s OK done\r\n",
            b'* STATUS "a" (UIDVALIDITY x)\r\n%s OK done\r\n',
            b'* STATUS "a" (MESSAGES 1)\r\n%s OK done\r\n',
            b"nonsense\r\n",
        ],
    )
    def test_a_folder_is_not_taken_for_gone_without_the_servers_word(self, play_imap, answer):
        _, session = play_imap(signing_in(lambda _, tag: answer.replace(b"%s", tag)))
        assert failure(session, lambda s: s.uid_validity("a")).stage == "folders"

    @pytest.mark.parametrize(
        "bad",
        [
            b"%s NO Server Unavailable. 15\r\n",
            b"%s NO Too many connections\r\n",
            b"%s NO [UNAVAILABLE] later\r\n",
            b"%s BAD Command Argument Error. 11\r\n",
            b"%s NO in words of its own\r\n",
            b"%s OK done\r\n",
            b'* STATUS "b" (MESSAGES 1)\r\n%s OK done\r\n',
        ],
    )
    def test_one_folder_without_an_answer_spoils_no_other(self, play_imap, bad):
        good = b"* STATUS x (UIDVALIDITY 7)\r\n%s OK done\r\n"

        def then(line, tag):
            return (bad if b'"b"' in line else good).replace(b"%s", tag)

        _, session = play_imap(signing_in(then))
        with session as opened:
            assert opened.uid_validities(["a", "b", "c"]) == {"a": 7, "c": 7}
            assert failure_of(opened.uid_validity, "b").stage == "folders"
            assert opened.uid_validity("c") == 7

    @pytest.mark.parametrize(
        ("answer", "code"),
        [
            (b"%s BAD User is authenticated but not connected.\r\n", "mailbox_not_connected"),
            (b"* BYE Session invalidated - AccessTokenExpired\r\n", "token_expired"),
        ],
    )
    def test_what_concerns_the_session_ends_it(self, play_imap, answer, code):
        _, session = play_imap(signing_in(lambda _, tag: answer.replace(b"%s", tag)))
        with session as opened:
            assert failure_of(opened.uid_validities, ["a", "b"]).code == code

    @pytest.mark.parametrize(
        "words",
        [
            "[TRYCREATE] Folder is not found.",
            "a doesn't exist.",
            "[NONEXISTENT] Mailbox doesn't exist: a",
            "No such mailbox",
            "Mailbox isn't selectable",
        ],
    )
    def test_a_folder_has_gone_when_the_server_says_so(self, play_imap, words):
        _, session = play_imap(signing_in(lambda _, tag: tag + f" NO {words}\r\n".encode()))
        with session as opened:
            assert opened.uid_validity("a") is None

    @pytest.mark.parametrize(
        "name", [b'"UIDVALIDITY 5"', b'"(UIDVALIDITY 5)"', b"{17}\r\n(UIDVALIDITY 5) x"]
    )
    def test_a_folders_name_is_not_taken_for_its_uid_validity(self, play_imap, name):
        answer = b"* STATUS " + name + b" (MESSAGES 3 UIDVALIDITY 7)\r\n"
        _, session = play_imap(signing_in(lambda _, tag: answer + tag + b" OK done\r\n"))
        with session as opened:
            assert opened.uid_validity("a") == 7

    def test_logout_is_sent_but_not_awaited(self, play_imap):
        server, session = play_imap(signing_in())
        started = time.monotonic()
        with session:
            pass
        assert time.monotonic() - started < 3
        server.finish()
        assert server.said[-2:] == [b"bye LOGOUT", b""]

    def test_a_list_of_too_many_folders_is_cut(self, play_imap):
        lines = b"".join(b'* LIST () "/" "%d"\r\n' % n for n in range(MAX_FOLDERS + 50))
        _, session = play_imap(signing_in(lambda _, tag: lines + tag + b" OK done\r\n"))
        with session as opened:
            assert len(opened.folders()) == MAX_FOLDERS + 1

    def test_short_lines_count_for_the_memory_that_they_take(self, play_imap):
        lines = b"* A bb\r\n" * (MAX_BYTES // 64)
        assert len(lines) < MAX_BYTES / 4
        _, session = play_imap(signing_in(lambda _, tag: lines + tag + b" OK done\r\n"))
        error = failure(session)
        assert (error.stage, error.code) == ("mailbox", "too_much_data")

    def test_a_long_greeting_is_not_searched_to_its_end(self, play_imap):
        # Each "[CAPABILITY " is looked behind: all of a megabyte would take minutes.
        greeting = b"* OK " + b"[CAPABILITY " * 1000 + b"[CAPABILITY IMAP4rev1 SASL-IR]\r\n"
        server, session = play_imap(signing_in(greeting=greeting))
        failure(session)
        assert server.said[0].split()[1] == b"CAPABILITY"

    def test_a_long_status_is_not_searched_to_its_beginning(self, play_imap):
        answer = b"* STATUS a (" + b"UIDVALIDITY 1 " * 1000 + b"x 1)\r\n"
        _, session = play_imap(signing_in(lambda _, tag: answer + tag + b" OK done\r\n"))
        assert failure(session, lambda s: s.uid_validity("a")).stage == "folders"

    @pytest.mark.parametrize(
        ("host", "issued"), [("localhost", "mail.contoso.test"), ("127.0.0.1", "localhost")]
    )
    def test_a_certificate_for_another_host_ends_it_before_a_word(
        self, play, authority, scripted_settings, host, issued
    ):
        server = play(signing_in(), server_context(authority.issue_cert(issued)))
        settings = scripted_settings(server.port, host=host)
        error = failure(imap_session(settings, mailbox=SALES, token="canary-token"))
        assert error.stage == "tls"
        assert server.said == []

    @pytest.mark.parametrize("stage", ["name", "connect"])
    def test_what_cannot_be_reached_says_on_which_stage(self, scripted_settings, stage):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
        host = f"{'a' * 64}.test" if stage == "name" else "localhost"
        error = failure(
            imap_session(scripted_settings(port, host=host), mailbox=SALES, token="token")
        )
        assert error.stage == stage


class TestLongLine:
    """A token makes the line that signs in some 2,000 bytes long; not every server takes that."""

    @pytest.mark.parametrize("plus", [b"+", b"+ ", b"+ VXNlcg=="])
    @pytest.mark.parametrize("words", [b"Command line too long", b"Command Argument Error. 11"])
    def test_after_a_bad_it_is_sent_in_two(self, play_imap, plus, words):
        def script(conversation):
            conversation.send(GREETING)
            conversation.send(conversation.line().split()[0] + b" BAD " + words + b"\r\n")
            tag = conversation.line().split()[0]
            conversation.send(plus + b"\r\n")
            assert base64.b64decode(conversation.line()).startswith(b"user=" + SALES.encode())
            conversation.send(tag + b" OK done\r\n")
            conversation.line()

        server, session = play_imap(script)
        with session:
            pass
        server.finish()
        assert len(server.conversations) == 1
        assert server.said[1].endswith(b"AUTHENTICATE XOAUTH2")

    @pytest.mark.parametrize("last", [b"", b"* BYE Line too long\r\n", b"* BYE\r\n"])
    def test_after_a_hang_up_it_is_sent_in_two_over_a_new_connection(self, play_imap, last):
        def script(conversation):
            conversation.send(GREETING)
            tag, *rest = conversation.line().split()
            if len(rest) > 2:
                conversation.send(last)
                return
            conversation.send(b"+ \r\n")
            conversation.line()
            conversation.send(tag + b" OK done\r\n")
            conversation.line()

        server, session = play_imap(script)
        with session:
            pass
        assert len(server.conversations) == 2

    def test_a_server_that_always_hangs_up_is_asked_twice(self, play_imap):
        def script(conversation):
            conversation.send(GREETING)
            conversation.line()
            conversation.send(b"* BYE Connection is closed. 16\r\n")

        server, session = play_imap(script)
        assert failure(session).code == "imap_closed"
        assert len(server.conversations) == 2

    @pytest.mark.parametrize(
        "words", [b"NO AUTHENTICATE failed.", b"BAD User is authenticated but not connected."]
    )
    def test_a_refusal_of_the_person_is_not_about_the_line(self, play_imap, words):
        def script(conversation):
            conversation.send(GREETING)
            conversation.send(conversation.line().split()[0] + b" " + words + b"\r\n")
            conversation.line()

        server, session = play_imap(script)
        failure(session)
        server.finish()
        assert [line for line in server.said if b"AUTHENTICATE" in line] == server.said[:1]


@pytest.mark.parametrize("plus", [b"+", b"+ ", b"+x", b"+ %%%"])
@pytest.mark.parametrize("last", [b"OK done", b"NO AUTHENTICATE failed."])
def test_a_challenge_of_any_shape_is_answered(play_imap, plus, last):
    """Microsoft's servers have been seen to send a bare "+"."""

    def script(conversation):
        conversation.send(GREETING)
        tag = conversation.line().split()[0]
        conversation.send(plus + b"\r\n")
        assert conversation.line() == b""
        conversation.send(tag + b" " + last + b"\r\n")
        conversation.line()

    _, session = play_imap(script)
    if last.startswith(b"OK"):
        with session:
            pass
    else:
        assert failure(session).code == "imap_refused"


def test_keywords_come_in_any_case(play_imap):
    lines = [b'* list () "/" a', b'* List () "/" b', b'* LIST () "/" c', b'* list () "/" {1}\r\nd']
    listed = b"\r\n".join(lines) + b"\r\n%s ok done\r\n"
    greeting = b"* ok The Microsoft Exchange IMAP4 service is ready.\r\n"
    _, session = play_imap(signing_in(lambda _, tag: listed.replace(b"%s", tag), greeting=greeting))
    with session as opened:
        assert {folder.path for folder in opened.folders()} == {"a", "b", "c", "d"}


class TestSink:
    """A large literal goes where it is wanted, and not through memory."""

    SIZE = 3 * MAX_BYTES

    def fetching(self, size):
        def then(line, tag):
            if b"FETCH" not in line:
                return tag + b" OK done\r\n"
            literal = b"x" * size
            head = b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % self.SIZE
            return head + literal + b")\r\n" + tag + b" OK done\r\n"

        return signing_in(then)

    def fetch(self, opened, sink, max_bytes):
        with opened.exchange("folders", max_bytes=max_bytes), opened.client.wire.poured_into(sink):
            return opened.client.wire.uid("FETCH", "1", "(BODY.PEEK[])")

    def test_it_is_poured_in_parts_beyond_the_sessions_own_cap(self, play_imap):
        sizes = []

        class Sink:
            def write(self, part):
                sizes.append(len(part))

        _, session = play_imap(self.fetching(self.SIZE), mail_timeout=60)
        with session as opened:
            opened.client.wire.state = "SELECTED"
            kind, answers = self.fetch(opened, Sink(), 2 * self.SIZE)
            assert (kind, answers[0][1]) == ("OK", b"")
            # What comes next is read as before, under the cap of all else.
            assert opened.client.noop()
        assert sum(sizes) == self.SIZE
        assert max(sizes) <= 64 * 1024

    def test_one_that_is_announced_as_too_large_is_refused_unread(self, play_imap):
        _, session = play_imap(self.fetching(0))
        error = failure(session, lambda opened: self.fetch_selected(opened, self.SIZE - 1))
        assert error.code == "too_much_data"

    def test_one_that_breaks_off_is_no_mail(self, play_imap):
        def then(line, tag):
            return b"* 1 FETCH (BODY[] {1000}\r\nonly so much"

        def script(conversation):
            conversation.send(GREETING)
            conversation.send(conversation.line().split()[0] + b" OK done\r\n")
            conversation.send(then(conversation.line(), b""))

        _, session = play_imap(script)
        error = failure(session, lambda opened: self.fetch_selected(opened, 10_000))
        assert error.code == "connection_lost"

    def fetch_selected(self, opened, max_bytes):
        opened.client.wire.state = "SELECTED"
        return self.fetch(opened, io.BytesIO(), max_bytes)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_left_open():
    """Warnings are errors: an unclosed socket shows when it is collected."""
    yield
    gc.collect()


@pytest.mark.parametrize(
    "module",
    [
        "transport.imap",
        "transport.smtp",
        "transport.listing",
        "folders.choices",
        "wire.connecting",
        "wire.deadline",
        "wire.tls",
    ],
)
def test_what_is_costly_is_imported_at_first_use(module):
    heavy = {"imapclient", "requests", "urllib3", "msal", "sqlalchemy", "cryptography"}
    code = f"import sys, salesorder_m365.plugin.{module}; print(*{heavy} & sys.modules.keys())"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert (run.stdout.strip(), run.stderr) == ("", "")


def test_the_private_parts_are_those_of_this_python():
    assert imap_client._private_parts_are_there()
    assert hasattr(imaplib.IMAP4, "_get_capabilities")
