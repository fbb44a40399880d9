"""What becomes of a message: copies, delivery, reports, automatic replies, customers' replies."""

import email
import email.policy
import time

import pytest
from salesorder_m365.simulator.tenant import headers
from salesorder_m365.simulator.tenant.answers import Attachment
from salesorder_m365.simulator.tenant.people import Person
from salesorder_m365.simulator.tenant.report_texts import TEXTS
from salesorder_m365.simulator.tenant.reports import Outcome
from support.submitting import connected, message

SALES, BUYER, INFO = "sales@contoso.test", "purchasing@contoso.test", "info@contoso.test"
GERMAN, NOBODY = "invoices@contoso.test", "nobody@contoso.test"
CUSTOMER, OTHER = "office@fabrikam.example.com", "a@northwind.example.com"
LONG_ID = f"<{'x' * 120}@contoso.test>"


@pytest.fixture
def client(sim, context):
    with connected(sim, context, SALES) as made:
        yield made


def parsed(content):
    return email.message_from_bytes(content, policy=email.policy.default)


def new_in(sim, mailbox, folder="INBOX"):
    """The messages that were not there from the beginning."""
    return sim.tenant.messages(mailbox, folder)[3 if folder == "INBOX" else 0 :]


def waited(get, number=1):
    """Wait until there are so many."""
    deadline = time.monotonic() + 5
    while len(get()) < number and time.monotonic() < deadline:
        time.sleep(0.02)
    return get()


def test_recipients_inside_and_outside_get_the_message_without_bcc(sim, client):
    content = message(SALES, BUYER, Bcc=OTHER, X_Order="4711")
    client.submit(SALES, BUYER, CUSTOMER, OTHER, content=content)
    (inside,) = new_in(sim, BUYER)
    outside = [mail.content for mail in sim.tenant.outside.mails()]
    assert outside == [inside, inside]
    assert b"bcc" not in inside.lower()
    assert OTHER.encode() not in inside
    assert headers.without(content, "Bcc") == inside[inside.index(b"From: ") :]
    assert headers.value(inside, "Received").startswith("from erp (127.0.0.1) by ")
    assert new_in(sim, SALES, "Sent Items") == [content]


def test_a_missing_date_and_message_id_are_added(sim, client):
    reply = client.submit(SALES, BUYER, content=b"From: sales@contoso.test\r\n\r\nHello\r\n")
    (inside,) = new_in(sim, BUYER)
    assert headers.value(inside, "Date")
    assert f"250 2.0.0 OK {headers.value(inside, 'Message-ID')} [Hostname=" in reply
    assert inside.endswith(b"\r\n\r\nHello\r\n")


def test_our_message_id_is_kept_and_repeated(sim, client):
    content = message(SALES, BUYER).replace(b"<offer.1@contoso.test>", LONG_ID.encode())
    assert f"250 2.0.0 OK {LONG_ID} " in client.submit(SALES, BUYER, content=content)
    assert sim.tenant.submissions[-1].message_id == LONG_ID


COPIES = {
    "submitter": [1, 0],
    "sender": [0, 1],
    "both": [1, 1],
    "none": [0, 0],
}


@pytest.mark.parametrize(("whose", "expected"), COPIES.items(), ids=COPIES.keys())
def test_whose_mailbox_gets_the_sent_copy(sim, client, whose, expected):
    sim.tenant.policies.sent_copy = whose
    client.submit(INFO, CUSTOMER)
    assert [len(new_in(sim, box, "Sent Items")) for box in (SALES, INFO)] == expected


def test_the_sent_copy_and_the_delivery_may_lag(sim, client):
    sim.tenant.policies.change({"sent_copy_seconds": 1, "delivery_seconds": 1})
    client.submit(SALES, BUYER)
    assert new_in(sim, SALES, "Sent Items") == new_in(sim, BUYER) == []
    assert len(waited(lambda: new_in(sim, SALES, "Sent Items"))) == 1
    assert len(waited(lambda: new_in(sim, BUYER))) == 1


def test_reset_drops_what_is_on_its_way(sim, client):
    sim.tenant.policies.delivery_seconds = 1
    client.submit(SALES, CUSTOMER)
    sim.reset()
    time.sleep(1.2)
    assert sim.tenant.outside.mails() == []


def report_parts(report):
    told, status, returned = parsed(report).get_payload()
    return told, status.get_payload(), returned


def test_an_unknown_recipient_comes_back_in_exchanges_shape(sim, client):
    content = message(SALES, NOBODY, subject="Überweisung")
    content = content.replace(b"<offer.1@contoso.test>", LONG_ID.encode())
    client.submit(SALES, NOBODY, BUYER, content=content)
    assert len(new_in(sim, BUYER)) == 1
    (report,) = new_in(sim, SALES)
    mail = parsed(report)
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "delivery-status"
    assert mail["X-MS-Exchange-Message-Is-Ndr"] == ""
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["Subject"] == "Undeliverable: Überweisung"
    assert mail["From"].addresses[0].username.startswith("MicrosoftExchange")
    assert f"\r\nIn-Reply-To: {LONG_ID}\r\n".encode() in report
    told, (about, recipient), returned = report_parts(report)
    assert NOBODY in told.get_body(("plain",)).get_content()
    assert about["Reporting-MTA"].startswith("dns;")
    assert recipient["Final-Recipient"] == f"rfc822;{NOBODY}"
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.10")
    assert "RESOLVER.ADR.RecipientNotFound" in recipient["Diagnostic-Code"]
    assert returned.get_content_type() == "message/rfc822"
    assert content.strip() in report


def test_a_report_goes_to_the_sender_of_the_envelope(sim, client):
    client.submit(INFO, NOBODY)
    assert (len(new_in(sim, INFO)), len(new_in(sim, SALES))) == (1, 0)


def test_nobody_gets_a_report_about_a_null_sender(sim, client):
    client.submit("", NOBODY, content=message(SALES, NOBODY))
    assert new_in(sim, SALES) == []


@pytest.mark.parametrize("language", TEXTS)
def test_reports_are_in_eight_languages(sim, client, language):
    sim.tenant.policies.report_language = language
    client.submit(SALES, NOBODY)
    report = parsed(new_in(sim, SALES)[0])
    assert report["Subject"] == f"{TEXTS[language].failed}Offer"
    assert report["Content-Language"] == language
    text = report.get_body(("plain",)).get_content()
    assert TEXTS[language].failed_text.format(to=NOBODY) in text


def test_a_mailbox_is_written_to_in_its_language(sim, context):
    with connected(sim, context, GERMAN) as client:
        client.submit(GERMAN, NOBODY)
    assert parsed(new_in(sim, GERMAN)[0])["Subject"].startswith("Unzustellbar: ")


def test_a_full_mailbox_returns_what_comes(sim, client):
    sim.tenant.policies.mailbox_full_for = {BUYER}
    client.submit(SALES, BUYER)
    assert new_in(sim, BUYER) == []
    _, (_, recipient), _ = report_parts(new_in(sim, SALES)[0])
    assert recipient["Status"] == "5.2.2"


@pytest.mark.parametrize("entry", [CUSTOMER, "fabrikam.example.com", CUSTOMER.upper()])
def test_another_organization_may_refuse(sim, client, entry):
    sim.tenant.policies.change({"refused_outside": [entry]})
    client.submit(SALES, CUSTOMER, OTHER)
    assert [mail.recipient for mail in sim.tenant.outside.mails()] == [OTHER]
    _, (_, recipient), _ = report_parts(new_in(sim, SALES)[0])
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")


def test_another_organization_may_delay(sim, client):
    sim.tenant.policies.delayed_outside = {CUSTOMER}
    client.submit(SALES, CUSTOMER)
    (report,) = new_in(sim, SALES)
    _, (_, recipient), _ = report_parts(report)
    assert (recipient["Action"], recipient["Status"]) == ("delayed", "4.4.7")
    assert parsed(report)["X-MS-Exchange-Message-Is-Ndr"] is None
    sim.tenant.transport.retry()
    assert sim.tenant.outside.mails() == []
    sim.tenant.policies.delayed_outside = set()
    sim.tenant.transport.retry()
    assert len(sim.tenant.outside.mails(CUSTOMER)) == 1


NOTIFY = {
    "as usual": ("", {"failed"}),
    "never": (" NOTIFY=NEVER", set()),
    "success": (" NOTIFY=SUCCESS", {"delivered", "relayed"}),
    "both": (" NOTIFY=SUCCESS,FAILURE", {"delivered", "relayed", "failed"}),
    "delay": (" NOTIFY=DELAY", set()),
}


@pytest.mark.parametrize(("wanted", "actions"), NOTIFY.values(), ids=NOTIFY.keys())
def test_reports_come_as_they_were_asked_for(sim, client, wanted, actions):
    client.envelope(
        SALES,
        NOBODY,
        BUYER,
        CUSTOMER,
        mail=" RET=HDRS ENVID=quote-4711",
        rcpt=f"{wanted} ORCPT=rfc822;first+40example.com",
    )
    client.dot(message(SALES, NOBODY))
    seen = set()
    for report in new_in(sim, SALES):
        _, (about, recipient), returned = report_parts(report)
        seen.add(recipient["Action"])
        assert about["Original-Envelope-Id"] == "quote-4711"
        assert recipient["Original-Recipient"] == "rfc822;first@example.com"
        assert returned.get_content_type() == "text/rfc822-headers"
    assert seen == actions


def test_an_automatic_reply_comes_once_and_answers_no_machine(sim, client):
    sim.tenant.policies.automatic_replies_for = {BUYER, SALES}
    client.submit(SALES, BUYER)
    client.submit(SALES, BUYER)
    (reply,) = new_in(sim, SALES)
    mail = parsed(reply)
    assert mail["Subject"] == "Automatic reply: Offer"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["In-Reply-To"] == "<offer.1@contoso.test>"
    assert len(new_in(sim, BUYER)) == 2  # and no reply to the reply


@pytest.mark.parametrize(
    "field", [{"Auto_Submitted": "auto-generated"}, {"X_Auto_Response_Suppress": "OOF, AutoReply"}]
)
def test_no_automatic_reply_to_a_machine(sim, client, field):
    sim.tenant.policies.automatic_replies_for = {BUYER}
    client.submit(SALES, BUYER, content=message(SALES, BUYER, **field))
    assert new_in(sim, SALES) == []


def test_a_customer_replies_with_an_attachment(sim, client):
    content = message(SALES, CUSTOMER, subject="Angebot für Öl", Reply_To=INFO)
    content = content.replace(b"<offer.1@contoso.test>", LONG_ID.encode())
    client.submit(SALES, CUSTOMER, OTHER, content=content)
    order = Attachment("order.pdf", "application/pdf", bytes(range(256)))
    sim.tenant.reply(LONG_ID, "We accept.", sender=CUSTOMER, attachments=[order])
    (reply,) = new_in(sim, INFO)
    mail = parsed(reply)
    assert (mail["From"], mail["Subject"]) == (CUSTOMER, "Re: Angebot für Öl")
    assert f"In-Reply-To: {LONG_ID}\r\n".encode() in reply
    assert mail.get_body(("plain",)).get_content().startswith("We accept.")
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("order.pdf", bytes(range(256)))


def test_a_customers_automatic_reply(sim, client):
    client.submit(SALES, CUSTOMER)
    sim.tenant.reply("<offer.1@contoso.test>", "On holiday.", automatic=True)
    mail = parsed(new_in(sim, SALES)[0])
    assert (mail["Auto-Submitted"], mail["Subject"]) == ("auto-replied", "Automatic reply: Offer")


def test_a_reply_that_nobody_can_write(sim, client):
    client.submit(SALES, CUSTOMER)
    with pytest.raises(KeyError):
        sim.tenant.reply("<unknown@contoso.test>", "x")
    with pytest.raises(KeyError):
        sim.tenant.reply("<offer.1@contoso.test>", "x", sender=OTHER)


def test_a_report_may_come_later(sim, client):
    client.submit(SALES, CUSTOMER)
    late = Outcome("failed", CUSTOMER, "550 5.4.300 Message expired -> 451 4.4.0")
    sim.tenant.report("<offer.1@contoso.test>", late)
    _, (_, recipient), _ = report_parts(new_in(sim, SALES)[0])
    assert recipient["Status"] == "5.4.300"
    with pytest.raises(KeyError):
        sim.tenant.report("<unknown@contoso.test>", late)


def test_further_people_have_mailboxes_until_the_reset(sim, client):
    sim.tenant.add_people([Person("new@contoso.test", "New")])
    client.submit(SALES, "new@contoso.test")
    assert len(new_in(sim, "new@contoso.test")) == 1
    sim.reset()
    with pytest.raises(KeyError):
        sim.tenant.messages("new@contoso.test")


HEADERS = {
    "plain": (b"A: 1\r\nB: 2\r\n\r\nbody\r\n", {"a": "1", "b": "2"}),
    "folded": (b"A: 1\r\n 2\r\n\t3\r\n\r\n", {"a": "1 2\t3"}),
    "line feeds": (b"A: 1\n 2\nB: 3\n\nC: 4\n", {"a": "1 2", "b": "3"}),
    "no body": (b"A: 1", {"a": "1"}),
    "no header": (b"\r\nA: 1\r\n", {}),
    "not a header": (b"Hello there\r\n\r\nA: 1\r\n", {}),
    "empty": (b"", {}),
    "a line that is no field": (b"A: 1\r\nnonsense\r\nB: 2\r\n\r\n", {"a": "1", "b": "2"}),
}


@pytest.mark.parametrize(("content", "found"), HEADERS.values(), ids=HEADERS.keys())
def test_headers_are_read_and_completed(content, found):
    assert dict(headers.fields(content)) == found
    whole = headers.completed(content)
    assert found.items() <= dict(headers.fields(whole)).items()
    assert {"date", "message-id"} <= dict(headers.fields(whole)).keys()
    assert headers.completed(whole) == whole


@pytest.mark.parametrize(
    ("content", "left"),
    [
        (b"A: 1\r\nBcc: x\r\n y\r\nB: 2\r\n\r\nBcc: z\r\n", b"A: 1\r\nB: 2\r\n\r\nBcc: z\r\n"),
        (b"bcc : x\n\ty\nA: 1\n\nbody", b"A: 1\n\nbody"),
        (b"Bcc: x\r\nBCC: y\r\n\r\n", b"\r\n"),
        (b"X-Bcc: x\r\n\r\n", b"X-Bcc: x\r\n\r\n"),
    ],
    ids=["folded", "line feeds", "two", "another name"],
)
def test_a_field_is_taken_out(content, left):
    assert headers.without(content, "Bcc") == left
