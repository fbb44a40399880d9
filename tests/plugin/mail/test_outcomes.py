"""What the server says at each stage, and what becomes of the mail: a table, then the looks."""

from datetime import timedelta

import pytest
from salesorder_m365.plugin.store.engines import writing
from salesorder_m365.plugin.store.mail_tables import body, delivery, mailing
from salesorder_m365.plugin.store.tables import event
from salesorder_m365.schemas.delivery import DeliveryState, RecipientState, WaitReason
from salesorder_m365.schemas.outgoing import Address
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from sqlalchemy import func, select
from support.outbox import age, clock, emptied, release

QUEUED, SENT, UNCERTAIN, FAILED = (
    DeliveryState.QUEUED,
    DeliveryState.SENT,
    DeliveryState.UNCERTAIN,
    DeliveryState.FAILED,
)
#: stage, what happens there -> state, reason, finding, how many copies the server took
BUSY, BAD = (
    "451 4.7.0 Temporary server error. Please try again later. PRX4",
    "550 5.6.0 Bad content",
)
DENIED = "554 5.2.252 SendAsDenied; sales@contoso.test not allowed to send as x"
OUTCOMES = {
    "greeting busy": (SmtpFault(Stage.GREETING, BUSY), QUEUED, "retry", 0),
    "dropped at EHLO": (SmtpFault(Stage.EHLO, ending="drop"), QUEUED, "retry", 0),
    "MAIL busy": (SmtpFault(Stage.MAIL, BUSY), QUEUED, "retry", 0),
    "dropped at MAIL": (SmtpFault(Stage.MAIL, ending="drop"), QUEUED, "retry", 0),
    "RCPT busy": (SmtpFault(Stage.RCPT, BUSY), QUEUED, "retry", 0),
    "RCPT refused": (SmtpFault(Stage.RCPT, "550 5.1.1 User unknown"), FAILED, "", 0),
    "dropped at RCPT": (SmtpFault(Stage.RCPT, ending="drop"), QUEUED, "retry", 0),
    "end busy": (SmtpFault(Stage.END_OF_DATA, BUSY), QUEUED, "retry", 0),
    "end refused": (SmtpFault(Stage.END_OF_DATA, BAD), FAILED, "", 0),
    "SendAs denied": (SmtpFault(Stage.END_OF_DATA, DENIED), QUEUED, "paused", 0),
    "mailbox full": (SmtpFault(Stage.END_OF_DATA, "554 5.2.2 mailbox full"), QUEUED, "paused", 0),
    "cut before acceptance": (
        SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False),
        UNCERTAIN,
        "",
        0,
    ),
    "cut after acceptance": (SmtpFault(Stage.END_OF_DATA, ending="drop"), UNCERTAIN, "", 1),
    "half a reply": (SmtpFault(Stage.END_OF_DATA, ending="half"), UNCERTAIN, "", 1),
}


@pytest.mark.parametrize(("fault", "state", "reason", "taken"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_the_server_does_decides(office, fault, state, reason, taken):
    here = office()
    sent = here.send()
    here.sim.smtp_faults.add(fault)
    here.deliver()
    found = here.now(sent)
    assert (found.state, found.reason.value, len(here.taken)) == (state, reason, taken)
    assert found.finding is not None
    # What did not go wrong for good goes right when the server is well again.
    if reason == "retry":
        release(here.engine)
        here.deliver()
        assert here.now(sent).state is SENT
        assert here.taken == [sent.message_id]


def test_a_copy_in_sent_items_settles_it(office):
    here = office()
    sent = here.send()
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    here.deliver()
    age(here.engine, 20)
    assert here.look() == 1
    found = here.now(sent)
    assert found.state is SENT
    assert found.evidence["mailbox"] == "sales@contoso.test"
    assert found.evidence["folder"] == "Sent Items"
    assert here.taken == [sent.message_id]
    assert "mail_sent" in here.erp.event_names()


def test_without_a_control_it_is_not_sent_again(office):
    here = office()
    sent = here.send()
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False))
    here.deliver()
    for _ in range(4):
        age(here.engine, 600)
        assert here.look() == 0
    assert here.now(sent).state is UNCERTAIN
    assert here.taken == []


def test_with_a_control_it_is_sent_again_once_under_the_same_id(office):
    here = office()
    lost = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False))
    here.deliver()
    age(here.engine, 20)
    assert here.look() == 0
    other = here.send("other", subject="Another")
    here.deliver()
    age(here.engine, 601)
    assert here.look() == 1
    again = here.now(lost)
    assert again.state is QUEUED
    assert "send_again" in [step.name for step in again.trail]
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False))
    here.deliver()
    third = here.send("third", subject="A third")
    here.deliver()
    age(here.engine, 601)
    assert here.look() == 0, "a second doubt is a person's to settle"
    assert here.now(lost).state is UNCERTAIN
    assert here.taken == [other.message_id, third.message_id]


def test_where_copies_may_have_been_removed_a_control_shows_nothing(office):
    """Its copy was filed, and a person emptied Sent Items before the first look."""
    here = office()
    sent = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    here.deliver()
    emptied(here.sim)
    other = here.send("other", subject="Another")
    here.deliver()
    for _ in range(4):
        age(here.engine, 601)
        assert here.look() == 0
    assert here.now(sent).state is UNCERTAIN
    assert here.taken == [sent.message_id, other.message_id]


def test_what_a_person_says_is_no_copy_that_was_found(office):
    here = office()
    sent = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    here.deliver()
    settled = here.mail.decide(sent.id, "arrived", "alice")
    assert settled.state is SENT
    assert settled.trail[-1].text == "alice says that it arrived"
    assert dict(settled.evidence) == {"by": "alice"}


def test_a_copy_is_found_however_many_came_after_it(office):
    """A busy mailbox files hundreds of copies before the first look that succeeds."""
    here = office()
    sent = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    here.deliver()
    for number in range(450):
        copy = b"Message-ID: <%d@contoso.test>\r\n\r\n" % number
        here.sim.tenant.deliver("sales@contoso.test", copy, "Sent Items")
    here.send("other", subject="Another")
    here.deliver()
    age(here.engine, 601)
    assert here.look() == 1
    assert here.now(sent).state is SENT
    assert here.taken.count(sent.message_id) == 1


def test_a_mail_to_oneself_is_the_control_where_nothing_else_is_sent(office):
    here = office()
    lost = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False))
    here.deliver()
    for seconds in (20, 60, 120, 600):
        age(here.engine, seconds)
        here.look()
    here.deliver()
    (control,) = here.rows(select(delivery).where(delivery.c.control))
    assert control.state == "sent"
    age(here.engine, 1200)
    assert here.look() == 1
    here.deliver()
    assert here.now(lost).state is SENT
    assert here.taken.count(lost.message_id) == 1


def test_a_copy_that_lags_too_long_is_no_control(office):
    here = office()
    here.sim.tenant.policies.sent_copy_seconds = 3600
    lost = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    here.deliver()
    here.send("other", subject="Another")
    here.deliver()
    age(here.engine, 601)
    assert here.look() == 0
    assert here.now(lost).state is UNCERTAIN


def test_who_asks_a_person_never_sends_again(office):
    here = office(on_uncertain="ask")
    lost = here.send("lost")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False))
    here.deliver()
    here.send("other", subject="Another")
    here.deliver()
    for _ in range(6):
        age(here.engine, 1900)
        here.look()
    assert here.now(lost).state is UNCERTAIN
    assert here.erp.event_names().count("mail_uncertain") == 1


def test_a_paused_account_holds_all_its_mail_and_opens_with_one(office):
    here = office()
    first, second = here.send("one"), here.send("two", subject="Two")
    here.sim.tenant.policies.mailbox_full_for = frozenset({"sales@contoso.test"})
    here.deliver()
    assert [here.now(each).reason for each in (first, second)] == [WaitReason.PAUSED] * 2
    assert here.erp.event_names().count("account_paused") == 1
    assert here.deliver() == 0
    attempts = len(here.sim.tenant.submissions)
    here.sim.tenant.policies.mailbox_full_for = frozenset()
    assert here.deliver() == 0, "the pause is not over"
    with writing(here.engine) as connection:
        connection.execute(mailing.update().values(paused_until=0))
    assert here.deliver() == 2
    assert [here.now(each).state for each in (first, second)] == [SENT, SENT]
    assert here.erp.event_names().count("account_resumed") == 1
    assert attempts == 0


def test_a_refused_account_is_not_tried_with_the_mail_that_was_claimed_ahead(office):
    here = office()
    first, second = here.send("one"), here.send("two", subject="Two")
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, DENIED))
    here.deliver()
    assert [here.now(each).reason for each in (first, second)] == [WaitReason.PAUSED] * 2
    assert [here.now(each).attempts for each in (first, second)] == [0, 0]
    assert here.taken == []


def test_a_pause_doubles_while_the_cause_lasts(office):
    here = office()
    here.send("one")
    here.sim.tenant.policies.mailbox_full_for = frozenset({"sales@contoso.test"})
    lasted = []
    for _ in range(5):
        here.deliver()
        (row,) = here.rows(select(mailing))
        lasted.append(round((row.paused_until - clock(here.engine)) / 3600))
        with writing(here.engine) as connection:
            connection.execute(mailing.update().values(paused_until=0))
    assert lasted == [1, 2, 4, 6, 6]


def test_one_bad_recipient_of_two_keeps_the_mail_from_both(office):
    here = office()
    sent = here.send(to=(Address("a@fabrikam.example.com"), Address("b@fabrikam.example.com")))
    here.sim.smtp_faults.add(SmtpFault(Stage.RCPT, "550 5.1.1 User unknown", after=1))
    here.deliver()
    found = here.now(sent)
    assert (found.state, here.taken) == (FAILED, [])
    assert [each.state for each in found.recipients] == [
        RecipientState.WAITING,
        RecipientState.REFUSED,
    ]


def test_partial_sends_to_the_rest_and_names_who_was_refused(office):
    here = office()
    two = (Address("a@fabrikam.example.com"), Address("b@fabrikam.example.com"))
    sent = here.send(to=two, partial=True)
    here.sim.smtp_faults.add(SmtpFault(Stage.RCPT, "550 5.1.1 User unknown", after=1))
    here.deliver()
    found = here.now(sent)
    assert (found.state, here.taken) == (SENT, [sent.message_id])
    assert [each.state for each in found.recipients] == [
        RecipientState.ACCEPTED,
        RecipientState.REFUSED,
    ]


def test_the_body_goes_with_the_mail(office):
    here = office()
    here.send()
    count = select(func.count()).select_from(body)
    assert here.rows(count) == [(1,)]
    here.deliver()
    assert here.rows(count) == [(0,)]


def test_more_than_the_minute_takes_waits_for_the_next(office):
    here = office(messages_per_minute=3)
    for number in range(5):
        here.send(f"quote-{number}", subject=f"Quote {number}")
    assert here.deliver() == 3
    states = [row.reason for row in here.rows(select(delivery).order_by(delivery.c.queued_at))]
    assert states[:3] == ["", "", ""]
    assert "rate" in states[3:]
    assert len(here.taken) == 3


def test_no_secret_and_no_content_stands_in_the_events(office):
    here = office()
    here.send(text="a very secret price")
    here.deliver()
    stored = repr(here.rows(select(event)))
    assert "secret price" not in stored
    assert "buyer@" not in stored


def test_what_is_scheduled_leaves_when_its_time_has_come(office):
    here = office()
    at = here.erp.now() + timedelta(hours=2)
    sent = here.send(send_at=at)
    assert (sent.reason, here.deliver()) == (WaitReason.SCHEDULED, 0)
    age(here.engine, 7201)
    assert here.deliver() == 1
    assert here.now(sent).state is SENT
