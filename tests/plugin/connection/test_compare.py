"""What one protocol tells about the other, case by case."""

import pytest
from salesorder_m365.plugin.connection.compare import compared
from salesorder_m365.plugin.errors import MailError

CASES = [
    # imap, smtp (True: signed in), shared → imap, smtp
    ("imap_refused", True, False, "imap_disabled", None),
    ("imap_refused", True, True, "imap_refused", None),
    ("imap_refused", "smtp_auth_disabled", False, "imap_refused", "smtp_auth_disabled"),
    ("imap_refused", "smtp_refused", False, "both_refused", None),
    ("imap_refused", "smtp_refused", True, "imap_refused", "smtp_refused"),
    ("mailbox_not_connected", True, False, "mailbox_not_connected", None),
    ("mailbox_not_connected", True, True, "full_access_missing", None),
    ("mailbox_not_connected", "smtp_refused", False, "other_user", None),
    ("mailbox_not_connected", "smtp_refused", True, "full_access_missing", "smtp_refused"),
    ("connection_refused", True, False, "connection_refused", None),
    (None, "smtp_refused", False, None, "smtp_refused"),
    (None, True, False, None, None),
]


@pytest.mark.parametrize(
    ("imap", "smtp", "shared", "imap_then", "smtp_then"),
    CASES,
    ids=[f"{imap}, {smtp}{', shared' * shared}" for imap, smtp, shared, *_ in CASES],
)
def test_compared(imap, smtp, shared, imap_then, smtp_then):
    before = {"imap": imap, "smtp": None if smtp is True else smtp}
    broken = {
        protocol: MailError(code, stage="sign_in", server_words=f"{protocol} said no")
        for protocol, code in before.items()
        if code
    }
    after = compared(broken, smtp_signed_in=smtp is True, shared=shared)
    wanted = {"imap": imap_then, "smtp": smtp_then}
    assert {protocol: err.code for protocol, err in after.items()} == {
        protocol: code for protocol, code in wanted.items() if code
    }
    said = " ".join(err.server_words for err in after.values())
    assert all(err.server_words in said for err in broken.values())


def test_what_is_no_answer_of_a_server_stays_as_it_is():
    err = TimeoutError()
    assert compared({"imap": err, "smtp": err}, smtp_signed_in=False, shared=False) == {
        "imap": err,
        "smtp": err,
    }


def test_the_time_to_wait_is_kept():
    err = MailError("imap_throttled", stage="sign_in", retry_after=4.5)
    after = compared({"imap": err}, smtp_signed_in=True, shared=True)
    assert after["imap"].retry_after == 4.5


@pytest.mark.parametrize(
    ("shared", "code"), [(False, "send_as_own_denied"), (True, "send_as_denied")]
)
def test_nobody_is_advised_to_grant_a_right_to_oneself(shared, code):
    err = MailError("send_as_denied", stage="sender", server_words="554 5.2.252 SendAsDenied")
    after = compared({"smtp": err}, smtp_signed_in=True, shared=shared)
    assert (after["smtp"].code, after["smtp"].server_words) == (code, err.server_words)
