"""The limits of sending, each with its switch and Exchange's words."""

from contextlib import ExitStack

import pytest
from salesorder_m365.simulator import replies
from salesorder_m365.simulator.mail.smtp.limits import DAY, Limits
from salesorder_m365.simulator.tenant.policies import Policies
from support.submitting import connected, message

SALES, BUYER, ORDERS = "sales@contoso.test", "purchasing@contoso.test", "orders@contoso.test"
CUSTOMER = "office@fabrikam.example.com"


@pytest.fixture
def connect(sim, context):
    with ExitStack() as stack:
        yield lambda user=SALES: stack.enter_context(connected(sim, context, user))


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.mark.parametrize(
    ("words", "reply"),
    [
        ("concurrent", replies.SMTP_TOO_MANY_CONNECTIONS),
        ("thread", replies.SMTP_THREAD_LIMIT),
    ],
)
def test_a_fourth_connection_cannot_send(sim, connect, words, reply):
    sim.tenant.policies.connections_words = words
    clients = [connect() for _ in range(4)]
    said = [client.submit(SALES, CUSTOMER) for client in clients]
    assert [reply[:3] for reply in said] == ["250", "250", "250", "432"]
    assert said[3] == reply
    assert connect(BUYER).submit(BUYER, CUSTOMER).startswith("250")
    clients[0].quit()
    assert clients[3].submit(SALES, CUSTOMER).startswith("250")


def test_dropped_connections_are_not_counted(sim, connect):
    for _ in range(5):
        connect().close()
    assert connect().submit(SALES, CUSTOMER).startswith("250")


def test_messages_above_the_minute_are_carried_over(sim, connect):
    sim.tenant.policies.change({"messages_per_minute": 2})
    client = connect()
    assert all(client.submit(SALES, CUSTOMER).startswith("250") for _ in range(3))
    assert len(sim.tenant.outside.mails()) == 2
    assert len(sim.tenant.messages(SALES, "Sent Items")) == 2


def test_messages_above_the_minute_may_be_rejected(sim, connect):
    sim.tenant.policies.change({"messages_per_minute": 2, "above_minute": "rejected"})
    client = connect()
    said = [client.submit(SALES, CUSTOMER) for _ in range(3)]
    assert said[2] == replies.SMTP_QUOTA_EXCEEDED
    assert len(sim.tenant.submissions) == 2


def test_the_minute_slides(clock):
    limits = Limits(Policies(messages_per_minute=3), clock)
    assert [limits.place_in_minute(SALES) for _ in range(3)] == [0, 0, 0]
    clock.now += 20
    assert [limits.place_in_minute(SALES) for _ in range(4)] == [40, 40, 40, 100]
    assert limits.place_in_minute(BUYER) == 0
    clock.now += 200
    assert limits.place_in_minute(SALES) == 0


def test_rejected_messages_take_a_place_too(clock):
    limits = Limits(Policies(messages_per_minute=1, above_minute="rejected"), clock)
    assert limits.place_in_minute(SALES) == 0
    clock.now += 59
    assert limits.place_in_minute(SALES) == 1
    clock.now += 59
    assert limits.place_in_minute(SALES) > 0
    clock.now += 60
    assert limits.place_in_minute(SALES) == 0


def test_a_day_is_24_hours(clock):
    limits = Limits(Policies(recipients_per_day=10), clock)
    assert limits.take_recipients(SALES, 10)
    assert not limits.take_recipients(SALES, 1)
    assert limits.take_recipients(BUYER, 1)
    clock.now += DAY - 1
    assert not limits.take_recipients(SALES, 1)
    clock.now += 1
    assert limits.take_recipients(SALES, 10)


def test_recipients_of_a_message(sim, connect):
    sim.tenant.policies.recipients_per_message = 2
    client = connect()
    said = client.envelope(SALES, CUSTOMER, BUYER, "a@example.com")
    assert [reply[:3] for reply in said] == ["250", "250", "250", "452"]
    assert said[3] == replies.SMTP_TOO_MANY_RECIPIENTS
    assert client.dot(message(SALES, CUSTOMER)).startswith("250")


def test_five_hundred_recipients_are_the_default(sim, connect):
    client = connect()
    addresses = [f"r{number}@example.com" for number in range(501)]
    assert [reply[:3] for reply in client.envelope(SALES, *addresses)].count("452") == 1


def test_the_days_limit_after_data(sim, connect):
    sim.tenant.policies.recipients_per_day = 2
    client = connect()
    client.submit(SALES, CUSTOMER, BUYER)
    assert client.submit(SALES, CUSTOMER) == replies.SMTP_QUOTA_EXCEEDED


@pytest.mark.parametrize(
    ("switch", "status"),
    [("recipients_per_day", "5.1.90"), ("external_recipients_per_day", "5.7.233")],
)
def test_the_days_limits_in_a_report(sim, connect, switch, status):
    sim.tenant.policies.change({switch: 0, "day_limit_told": "report"})
    assert connect().submit(SALES, CUSTOMER).startswith("250")
    report = sim.tenant.messages(SALES)[-1]
    assert f"Status: {status}\r\n".encode() in report
    assert sim.tenant.outside.mails() == []


def test_the_tenants_limit_counts_the_outside_only(sim, connect):
    sim.tenant.policies.external_recipients_per_day = 1
    client = connect()
    assert client.submit(SALES, CUSTOMER).startswith("250")
    assert client.submit(SALES, CUSTOMER) == replies.SMTP_TENANT_LIMIT
    assert client.submit(SALES, BUYER).startswith("250")
    assert connect(BUYER).submit(BUYER, CUSTOMER) == replies.SMTP_TENANT_LIMIT


def test_the_mailboxs_size_limit(sim, connect):
    sim.tenant.policies.message_bytes = 1000
    client = connect()
    large = message(SALES, BUYER) + b"x" * 1000 + b"\r\n"
    assert client.submit(SALES, BUYER, content=large) == replies.SMTP_MAX_SUBMISSION
    assert client.submit(SALES, BUYER).startswith("250")
    assert Policies().message_bytes == 36_700_160


SENDERS = {
    "full": ({"mailbox_full_for": [SALES]}, replies.SMTP_MAILBOX_FULL),
    "blocked": ({"sender_blocked_for": [SALES]}, replies.SMTP_SENDER_BLOCKED),
    **{
        kind: ({"senders_throttled": kind}, reply) for kind, reply in replies.SMTP_THROTTLED.items()
    },
}


@pytest.mark.parametrize(("policies", "reply"), SENDERS.values(), ids=SENDERS.keys())
def test_a_sender_is_refused_after_data(sim, connect, policies, reply):
    sim.tenant.policies.change(policies)
    assert connect().submit(SALES, CUSTOMER) == reply
    assert sim.tenant.submissions == []


def denied(client):
    return client.submit(ORDERS, CUSTOMER)


def unknown(client):
    return client.submit(SALES, "nobody@contoso.test")


def too_many(client):
    said = client.envelope(SALES, CUSTOMER, BUYER)[-1]
    client.rset()
    return said


CONTINUOUS = {
    "send_as_denied": denied,
    "invalid_recipients": unknown,
    "too_many_recipients": too_many,
}


@pytest.mark.parametrize(("kind", "fail"), CONTINUOUS.items(), ids=CONTINUOUS.keys())
def test_continuous_errors_throttle_the_sender(sim, connect, kind, fail):
    sim.tenant.policies.change({"throttled_after_refusals": 3, "recipients_per_message": 1})
    client = connect()
    for _ in range(3):
        assert not fail(client).startswith("550")
    assert client.submit(SALES, CUSTOMER) == replies.SMTP_THROTTLED[kind]
    assert connect(BUYER).submit(BUYER, CUSTOMER).startswith("250")


def test_throttling_ends_after_its_time(clock):
    limits = Limits(Policies(throttled_after_refusals=2, throttled_seconds=60), clock)
    limits.note_refusal(SALES, "mailbox_full")
    clock.now += 61
    limits.note_refusal(SALES, "mailbox_full")
    assert limits.throttled(SALES) is None
    limits.note_refusal(SALES, "mailbox_full")
    assert limits.throttled(SALES) == "mailbox_full"
    clock.now += 61
    assert limits.throttled(SALES) is None


@pytest.mark.parametrize("seconds", [0, 60])
def test_limits_of_nothing_are_limits(clock, seconds):
    limits = Limits(
        Policies(
            messages_per_minute=0,
            minute_seconds=seconds,
            throttled_after_refusals=0,
            throttled_seconds=seconds,
        ),
        clock,
    )
    assert [limits.place_in_minute(SALES) for _ in range(3)] == [seconds] * 3
    limits.note_refusal(SALES, "send_as_denied")
    assert (limits.throttled(SALES) == "send_as_denied") is (seconds > 0)


def test_an_idle_connection_is_closed(sim, connect):
    client = connect()
    sim.tenant.policies.idle_seconds = 1
    client.noop()
    assert client.getreply() == (451, b"4.7.0 Timeout waiting for client input")
    assert client.sock.recv(10) == b""
