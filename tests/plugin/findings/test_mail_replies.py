"""What the tables make of mail servers' words that they do not list as they stand."""

import pytest
from salesorder_m365.plugin.errors import MailError
from salesorder_m365.plugin.findings.catalogue import entries
from salesorder_m365.plugin.findings.mail_replies import imap_code, retry_after, smtp_code
from salesorder_m365.schemas.report import Actor
from salesorder_m365.schemas.verdict import Verdict


@pytest.mark.parametrize(
    ("words", "stage", "code"),
    [
        ("", "sign_in", "imap_unknown"),
        ("NO something new", "mailbox", "imap_unknown"),
        ("BAD Command received in Invalid state.", "sign_in", "imap_unknown"),
        ("NO [AUTHENTICATIONFAILED] no", "sign_in", "imap_refused"),
        ("no authenticate FAILED.", "sign_in", "imap_refused"),
        ("NO [UNAVAILABLE] later", "sign_in", "imap_unavailable"),
        ("NO user doesn't exist", "sign_in", "imap_unknown"),
        ("NO Server is busy", "mailbox", "imap_unavailable"),
        ("NO Service temporarily unavailable", "sign_in", "imap_unavailable"),
        ("BAD Too many concurrent connections", "sign_in", "imap_connections"),
        ("NO Too many simultaneous IMAP connections", "sign_in", "imap_connections"),
        ("BAD Connection is closed. 14", "mailbox", "imap_closed"),
        ("NO not today", "greeting", "imap_unavailable"),
        ("NO", "greeting", "imap_unavailable"),
        ("NO folder doesn't exist", "greeting", "imap_unavailable"),
        ("NO AUTHENTICATE failed.", "greeting", "imap_unavailable"),
        ("HTTP/1.1 400 Bad Request", "greeting", "imap_unknown"),
        ("NO [UNAVAILABLE] AUTHENTICATE failed.", "sign_in", "imap_unavailable"),
        ("NO [ALERT] AUTHENTICATE failed.", "sign_in", "imap_refused"),
        ("NO [CONTACTADMIN] Ask them", "mailbox", "imap_unknown"),
        ("no [unavailable] later", "mailbox", "imap_unavailable"),
        ("NO words about [UNAVAILABLE] folders", "mailbox", "imap_unknown"),
        ("x" * 5000 + "AUTHENTICATE failed", "sign_in", "imap_unknown"),
    ],
)
def test_other_imap_answers(words, stage, code):
    assert imap_code(words, stage=stage) == code


@pytest.mark.parametrize(
    ("status", "words", "stage", "code"),
    [
        (454, "4.7.0 Temporary authentication failure", "sign_in", "server_busy"),
        (535, "nothing said", "sign_in", "smtp_refused"),
        (535, "nothing said", "sender", "smtp_unknown"),
        (535, "5.7.139 in new words", "sign_in", "smtp_sign_in_blocked"),
        (550, "5.7.1 in new words", "sender", "smtp_unknown"),
        (550, "15.1.8 is another number", "sender", "smtp_unknown"),
        (550, "5.7.1 in new words", "recipient", "recipient_refused"),
        (554, "5.6.0 in new words", "message", "message_refused"),
        (452, "4.5.1 in new words", "message", "server_busy"),
        (354, "go on", "message", "smtp_unknown"),
        (550, "5.1.7 in new words", "recipient", "recipient_refused"),
        (552, "5.2.2 in new words", "recipient", "recipient_refused"),
        (552, "5.3.4 in new words", "sign_in", "smtp_unknown"),
        (501, "5.1.7 in new words", "tls", "smtp_unknown"),
        (452, "4.2.2 in new words", "recipient", "server_busy"),
        (550, "5.2.2521 is another number", "sender", "smtp_unknown"),
        (550, "5.2.256 is another number", "sender", "smtp_unknown"),
        (250, "5.7.139 in a success", "sign_in", "smtp_unknown"),
        (-1, "", "sign_in", "smtp_unknown"),
    ],
)
def test_other_smtp_answers(status, words, stage, code):
    assert smtp_code(status, words, stage=stage) == code


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("Suggested Backoff Time: 1500 milliseconds", 1.5),
        ("suggested backoff time:20 MILLISECONDS", 0.02),
        ("Suggested Backoff Time: 999999999999 milliseconds", 3600),
        ("Suggested Backoff Time: 9999999999999999 milliseconds", None),
        ("Suggested Backoff Time: -1 milliseconds", None),
        ("Suggested Backoff Time: soon", None),
        ("", None),
    ],
)
def test_backoff(words, seconds):
    assert retry_after(words) == seconds


#: RFC 5530 and RFC 9051: every response code that a NO may carry.
RESPONSE_CODES = [
    *("UNAVAILABLE", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"),
    *("CONTACTADMIN", "NOPERM", "INUSE", "EXPUNGEISSUED", "CORRUPTION", "SERVERBUG", "CLIENTBUG"),
    *("CANNOT", "LIMIT", "OVERQUOTA", "ALREADYEXISTS", "NONEXISTENT", "TRYCREATE", "ALERT"),
    *("NOTSAVED", "HASCHILDREN", "UNKNOWN-CTE"),
]
PASSING = {"UNAVAILABLE", "INUSE", "SERVERBUG", "LIMIT"}


@pytest.mark.parametrize("response", RESPONSE_CODES)
@pytest.mark.parametrize("stage", ["greeting", "sign_in", "mailbox", "folders"])
def test_a_passing_response_code_blames_nobody(response, stage):
    err = MailError(imap_code(f"NO [{response}] as it is.", stage=stage), stage=stage)
    if response in PASSING:
        assert err.verdict is Verdict.PASSING
        assert entries()[err.code].actor is Actor.NOBODY
    if err.code == "imap_unknown":
        assert err.verdict is Verdict.PASSING


def test_every_code_of_a_server_has_a_verdict():
    asked = {"sign_in", "registration", "permission", "imap", "smtp", "network", "erp", "app"}
    without = {code for code, e in entries().items() if e.group in asked and e.verdict is None}
    assert without == set()


@pytest.mark.parametrize("code", sorted(entries()))
def test_what_nobody_needs_to_act_on_is_passing_or_ends_by_itself(code):
    entry = entries()[code]
    if entry.verdict is Verdict.PASSING:
        assert entry.retry or code.endswith(("_unknown", "_refused")) or entry.group == "network"
    if entry.actor is Actor.NOBODY:
        assert entry.verdict is Verdict.PASSING or code == "quota_exceeded"


def test_a_code_that_is_not_known_is_about_the_moment():
    assert MailError("from_the_future", stage="sender").verdict is Verdict.PASSING
