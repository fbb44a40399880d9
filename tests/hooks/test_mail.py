"""Mail through the hooks, as a host calls them: a request is one mail, and an account shows it."""

from pathlib import Path

import pytest
from salesorder_m365.plugin.errors import BadRequestError, NoSuchMailError
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.schemas.outgoing import Address, Attachment, OutgoingMail
from support.erp import WORKER

QUOTE = OutgoingMail(
    to=(Address("buyer@fabrikam.example.com"),), subject="Quote", text="…", document="quote:1"
)


@pytest.fixture
def account(erp, sim):
    return erp.connected(sim)


@pytest.fixture
def send(erp, account):
    def call(message=QUOTE, request_id="quote-1", wait=0.0):
        return erp.hook.salesorder_mail_send(
            host=erp,
            account_id=account,
            message=message,
            worker=WORKER,
            request_id=request_id,
            wait=wait,
        )

    return call


def test_a_repeated_request_queues_one_mail(erp, sim, send):
    first, second = send(), send()
    assert first.id == second.id
    assert send(wait=10).state == "sent"
    assert send(wait=10).state == "sent"
    assert len(sim.tenant.submissions) == 1


def test_a_request_cannot_become_another_mail(send):
    send()
    other = OutgoingMail(to=QUOTE.to, subject="Another", text="…")
    with pytest.raises(BadRequestError) as refused:
        send(other)
    assert refused.value.code == "request_id_taken"


def test_a_report_made_again_is_the_same_request(send):
    first = send()
    later = OutgoingMail(to=QUOTE.to, subject="Quote", text="made later", document="quote:1")
    assert send(later).id == first.id


WRONG = {
    "nobody": ({"to": ()}, "to"),
    "no address": ({"to": (Address("nobody"),)}, "to"),
    "a line end in the subject": ({"subject": "a\r\nBcc: x@y.example.com"}, "subject"),
    "an encoded line end": ({"subject": "=?utf-8?q?a=0D=0ABcc:_x?="}, "subject"),
    "a line end in a name": ({"to": (Address("a@b.example.com", "x\nBcc: y"),)}, "to"),
    "a header of ours": ({"headers": {"Bcc": "x@y.example.com"}}, "headers"),
    "a line end in a header": ({"headers": {"X-A": "a\r\nBcc: y"}}, "headers"),
    "no message id": ({"in_reply_to": "quote 1"}, "in_reply_to"),
    "a line end in a message id": ({"references": ("<a@b>\r\nBcc: y",)}, "references"),
    "NUL": ({"text": "a\0b"}, "text"),
    "half a pair": ({"html": "\ud800"}, "html"),
    "a whole message as a file": (
        {"attachments": (Attachment("m.eml", "message/rfc822", b""),)},
        "attachments",
    ),
    "a file that is not there": (
        {"attachments": (Attachment("a.pdf", "application/pdf", Path("/nowhere")),)},
        "attachments",
    ),
    "somebody else's raw message": (
        {"raw": b"From: x@y.example.com\r\n\r\nhello", "subject": "", "text": ""},
        "raw",
    ),
    "a raw message without a header": ({"raw": b"hello", "subject": "", "text": ""}, "raw"),
}


@pytest.mark.parametrize(("changes", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_at_its_field(erp, account, send, changes, field):
    values = {"to": QUOTE.to, "subject": "Quote", "text": "…"} | changes
    refused = send(OutgoingMail(**values))
    assert isinstance(refused, FormErrors)
    assert list(refused.errors) == [field]
    assert all(refused.errors[field])
    assert erp.view(account).waiting == 0


def test_the_account_shows_what_waits_and_why(erp, sim, account, send):
    send()
    assert (erp.view(account).waiting, erp.view(account).paused) == (1, None)
    sim.tenant.policies.smtp_auth_disabled = True
    deliver(erp)
    view = erp.view(account)
    assert (view.waiting, view.paused.code) == (1, "smtp_auth_disabled")
    sim.tenant.policies.smtp_auth_disabled = False
    assert erp.test(account).passed
    deliver(erp)
    assert (erp.view(account).waiting, erp.view(account).paused) == (0, None)
    assert len(sim.tenant.submissions) == 1


def deliver(erp):
    return erp.hook.salesorder_job_run(host=erp, name="m365:deliver", worker="m365:system")


def test_a_deleted_account_takes_its_mail_back(erp, account, send):
    waiting = send()
    erp.hook.salesorder_account_delete(host=erp, account_id=account, worker=WORKER)
    deliver(erp)
    shown = erp.hook.salesorder_mail_delivery(host=erp, delivery_id=waiting.id, worker=WORKER)
    assert shown.state == "cancelled"
    assert "mail_cancelled" in erp.event_names()


def test_a_mail_that_is_not_there(erp):
    with pytest.raises(NoSuchMailError):
        erp.hook.salesorder_mail_delivery(host=erp, delivery_id="m365:mail:0", worker=WORKER)


def test_a_decision_that_does_not_fit_changes_nothing(erp, send):
    sent = send(wait=10)
    with pytest.raises(BadRequestError) as refused:
        erp.hook.salesorder_mail_decide(
            host=erp, delivery_id=sent.id, decision="cancel", worker=WORKER
        )
    assert refused.value.code == "decision_not_possible"


def test_a_preview_shows_the_mail_and_a_changed_one_is_refused(erp, sim, account, send):
    preview = erp.hook.salesorder_mail_preview(
        host=erp, account_id=account, message=QUOTE, worker=WORKER
    )
    assert "Subject: Quote" in preview.header_text
    assert "From: Sales Desk <sales@contoso.test>" in preview.header_text
    seen = OutgoingMail(
        to=QUOTE.to,
        subject="Quote",
        text="changed",
        document="quote:1",
        previewed=preview.digest,
    )
    assert list(send(seen).errors) == ["previewed"]
    same = OutgoingMail(
        to=QUOTE.to, subject="Quote", text="…", document="quote:1", previewed=preview.digest
    )
    assert send(same, wait=10).state == "sent"
