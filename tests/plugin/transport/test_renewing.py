"""A refused token: renewed once, for every thread that uses it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from salesorder_m365.plugin.errors import MailError, SignInNeededError
from salesorder_m365.plugin.transport.renewing import Again, RenewableToken


@dataclass
class Token:
    secret: str


def refused(code):
    return MailError(code, stage="sign_in")


class Renewals:
    """Gives a new token at each call, or raises; notes which tokens were refused."""

    def __init__(self, error=None):
        self.refused, self.error = [], error

    def __call__(self, secret):
        self.refused.append(secret)
        if self.error:
            raise self.error
        return Token(f"new {len(self.refused)}")


def scripted(*answers):
    """Return work that raises or returns these, one after the other, and the tokens it got."""
    got, left = [], list(answers)

    def work(secret):
        got.append(secret)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return work, got


@pytest.mark.parametrize(
    ("answers", "tokens", "notices"),
    [
        (["done"], ["old"], []),
        ([refused("imap_refused"), "done"], ["old", "new 1"], [Again.RENEWED]),
        ([refused("smtp_refused"), "done"], ["old", "new 1"], [Again.RENEWED]),
        ([refused("token_expired"), "done"], ["old", "new 1"], [Again.RENEWED]),
        ([refused("mailbox_not_connected"), "done"], ["old", "old"], [Again.RECONNECTED]),
        (
            [refused("imap_refused"), refused("mailbox_not_connected"), "done"],
            ["old", "new 1", "new 1"],
            [Again.RENEWED, Again.RECONNECTED],
        ),
    ],
)
def test_what_may_help_is_tried_again(answers, tokens, notices):
    work, got = scripted(*answers)
    noticed = []
    token = RenewableToken(Token("old"), Renewals())
    assert token.use(work, noticed.append) == "done"
    assert got == tokens
    assert noticed == notices


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (["imap_refused", "imap_refused"], "imap_refused"),
        (["imap_refused", "token_expired"], "token_expired"),
        (["mailbox_not_connected", "mailbox_not_connected"], "mailbox_not_connected"),
        (["smtp_auth_disabled"], "smtp_auth_disabled"),
        (["connection_lost"], "connection_lost"),
    ],
)
def test_each_second_attempt_is_made_once(answers, code):
    work, got = scripted(*map(refused, answers))
    with pytest.raises(MailError) as caught:
        RenewableToken(Token("old"), Renewals()).use(work)
    assert caught.value.code == code
    assert len(got) == len(answers)


def test_threads_that_are_refused_share_one_renewal():
    renewals, both_refused = Renewals(), threading.Barrier(2)
    token = RenewableToken(Token("old"), renewals)

    def work(secret):
        if secret == "old":
            both_refused.wait(timeout=10)
            raise refused("imap_refused")
        return secret

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(token.use, [work, work])) == ["new 1", "new 1"]
    assert renewals.refused == ["old"]


def test_a_renewal_that_fails_is_raised_for_every_thread():
    renewals = Renewals(SignInNeededError("m365:1", "grant_refused"))
    token = RenewableToken(Token("old"), renewals)
    for code in ("imap_refused", "smtp_refused"):
        work, _ = scripted(refused(code))
        with pytest.raises(SignInNeededError):
            token.use(work)
    assert renewals.refused == ["old"]
