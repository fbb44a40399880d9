"""Mail through the outbox, at the simulator: sent once, and each step can be seen."""

from salesorder_m365.schemas.delivery import DeliveryState, RecipientState


def test_a_mail_is_queued_and_delivered_once(office):
    here = office()
    queued = here.send()
    assert (queued.state, here.taken) == (DeliveryState.QUEUED, [])
    assert here.deliver() == 1
    sent = here.now(queued)
    assert sent.state is DeliveryState.SENT
    assert here.taken == [sent.message_id]
    assert [each.state for each in sent.recipients] == [RecipientState.ACCEPTED]
    assert sent.message_id in sent.server_words
    assert [step.name for step in sent.trail] == ["queued", "sent"]
    assert here.deliver() == 0
    assert here.taken == [sent.message_id]


def test_a_click_waits_for_the_server(office):
    here = office()
    assert here.send(wait=10).state is DeliveryState.SENT


def test_many_mails_leave_on_one_connection(office):
    here = office()
    sent = [here.send(f"quote-{number}", subject=f"Quote {number}") for number in range(5)]
    assert here.deliver() == 5
    assert here.taken == [each.message_id for each in sent]
