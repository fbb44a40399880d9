"""Scripted conduct at each stage of SMTP, as a client meets it."""

import smtplib
import socket

import pytest
from salesorder_m365.simulator import replies
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, SmtpFaults, Stage, read_fault
from salesorder_m365.simulator.simulator import Simulator
from support.submitting import Submitter, blob, connected, message

SALES, CUSTOMER = "sales@contoso.test", "office@fabrikam.example.com"
BUSY = "451 4.7.500 Server busy. Please try again later"


def conversation(sim, context):
    """Say every stage's command; return each reply, up to a lost connection."""
    said = {}
    client = Submitter(local_hostname="erp", timeout=5)
    try:
        said["greeting"] = client.connect("localhost", sim.smtp_port)[0]
        said["ehlo"] = client.ehlo()[0]
        said["starttls"] = client.docmd("STARTTLS")[0]
        if said["starttls"] == 220:
            client.sock = context.wrap_socket(client.sock, server_hostname="localhost")
            client.file = None
            client.ehlo()
        said["auth"] = client.auth("XOAUTH2", lambda _=None: blob(SALES, sim.new_token(SALES)))[0]
        said["mail"] = client.mail(SALES)[0]
        said["rcpt"] = client.rcpt(CUSTOMER)[0]
        said["data"], _ = client.docmd("DATA")
        if said["data"] == 354:
            client.send(message(SALES, CUSTOMER) + b".\r\n")
            said["end_of_data"] = client.getreply()[0]
    except (smtplib.SMTPServerDisconnected, ConnectionError):
        said["lost"] = True
    except smtplib.SMTPResponseException as err:
        said["auth"] = err.smtp_code
    finally:
        client.close()
    return said


USUAL = {
    "greeting": 220,
    "ehlo": 250,
    "starttls": 220,
    "auth": 235,
    "mail": 250,
    "rcpt": 250,
    "data": 354,
    "end_of_data": 250,
}


def test_without_a_script_every_stage_answers(sim, context):
    assert conversation(sim, context) == USUAL


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_answers_what_is_scripted_and_once(sim, context, stage):
    sim.smtp_faults.add(SmtpFault(stage, reply=BUSY))
    said = conversation(sim, context)
    assert said[stage] == 451
    assert len(sim.smtp_faults) == 0
    assert conversation(sim, context) == USUAL


@pytest.mark.parametrize("stage", Stage)
def test_every_stage_can_drop_the_connection(sim, context, stage):
    sim.smtp_faults.add(SmtpFault(stage, ending="drop", carried_out=False))
    said = conversation(sim, context)
    before = list(USUAL)[: list(USUAL).index(stage)]
    assert said == {**{name: USUAL[name] for name in before}, "lost": True}
    assert sim.tenant.submissions == []


def test_a_reply_of_421_ends_the_connection(sim, context):
    sim.smtp_faults.add(SmtpFault(Stage.MAIL, reply="421 4.3.2 Service not active"))
    with connected(sim, context, SALES) as client:
        assert client.docmd(f"MAIL FROM:<{SALES}>")[0] == 421
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


#: the fault at the end of the data, whether the message is taken, what the client sees
ENDS = {
    "refused": (SmtpFault(Stage.END_OF_DATA, BUSY), False, "451"),
    "dropped before acceptance": (
        SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False),
        False,
        "lost",
    ),
    "dropped after acceptance": (SmtpFault(Stage.END_OF_DATA, ending="drop"), True, "lost"),
    "half a reply": (SmtpFault(Stage.END_OF_DATA, ending="half"), True, "half"),
    "reply lost": (SmtpFault(Stage.END_OF_DATA, ending="silence"), True, "silence"),
    "taken and denied": (SmtpFault(Stage.END_OF_DATA, BUSY, carried_out=True), True, "451"),
    "delayed": (SmtpFault(Stage.END_OF_DATA, delay=0.3), True, "250"),
}


@pytest.mark.parametrize("by_chunk", [False, True], ids=["dot", "last BDAT"])
@pytest.mark.parametrize(("fault", "taken", "seen"), ENDS.values(), ids=ENDS.keys())
def test_the_end_of_the_data(sim, context, fault, taken, seen, by_chunk):
    script = {name: value for name, value in fault.to_json().items() if value is not None}
    sim.smtp_faults.add(read_fault(script))
    with connected(sim, context, SALES) as client:
        assert heard(client, by_chunk) == seen
    assert len(sim.tenant.submissions) == taken
    assert len(sim.tenant.outside.mails()) == taken


def heard(client, by_chunk):
    client.envelope(SALES, CUSTOMER)
    content = message(SALES, CUSTOMER)
    if by_chunk:
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
    else:
        client.docmd("DATA")
        client.send(content + b".\r\n")
    client.sock.settimeout(1)
    try:
        reply = client.sock.recv(4096).decode()
    except TimeoutError:
        return "silence"
    except ConnectionError:
        return "lost"
    if not reply:
        return "lost"
    return reply[:3] if reply.endswith("\r\n") else "half"


def test_a_script_may_concern_one_mailbox_and_begin_later():
    faults = SmtpFaults()
    faults.add(SmtpFault(Stage.MAIL, BUSY, mailbox=SALES, after=1, times=2))
    taken = [faults.take(Stage.MAIL, user) is not None for user in ("a@b", *[SALES] * 4)]
    assert taken == [False, False, True, True, False]
    assert faults.take(Stage.RCPT, SALES) is None


def test_a_script_may_stay_until_it_is_cleared():
    faults = SmtpFaults()
    faults.add(SmtpFault(Stage.MAIL, BUSY, times=None))
    assert all(faults.take(Stage.MAIL, None) for _ in range(50))
    faults.clear()
    assert faults.take(Stage.MAIL, None) is None


def test_reset_forgets_the_script(sim, context):
    sim.smtp_faults.add(SmtpFault(Stage.GREETING, BUSY, times=None))
    sim.reset()
    assert conversation(sim, context) == USUAL


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"stage": "later"}, "'stage'"),
        ({}, "'stage'"),
        ({"stage": "mail", "reply": "no code"}, "'reply'"),
        ({"stage": "mail", "reply": "250 a\r\n250 b"}, "'reply'"),
        ({"stage": "mail", "ending": "explode"}, "'ending'"),
        ({"stage": "mail", "delay": -1}, "'delay'"),
        ({"stage": "mail", "times": 0}, "'times'"),
        ({"stage": "mail", "after": True}, "'after'"),
        ({"stage": "mail", "nonsense": 1}, "'nonsense'"),
    ],
    ids=str,
)
def test_a_wrong_script_says_what_is_wrong(values, named):
    with pytest.raises(ValueError, match=named):
        read_fault(values)


def test_stopping_does_not_wait_for_a_silent_connection(context):
    with Simulator() as sim:
        sim.smtp_faults.add(SmtpFault(Stage.GREETING, ending="silence"))
        with socket.create_connection(("localhost", sim.smtp_port), 5) as silent:
            silent.settimeout(0.2)
            with pytest.raises(TimeoutError):
                silent.recv(10)
            sim.stop()
            silent.settimeout(5)
            assert _read(silent) == b""


def _read(sock):
    try:
        return sock.recv(10)
    except ConnectionError:
        return b""


def test_the_passing_replies_can_all_be_scripted():
    for reply in replies.PASSING:
        assert read_fault({"stage": "end_of_data", "reply": reply}).reply == reply


@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_a_scripted_refusal_ends_the_transaction(sim, context, by):
    """RFC 5321, 4.1.1.4: the next MAIL begins another one, whatever was said."""
    sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, BUSY))
    content = message(SALES, CUSTOMER)
    with connected(sim, context, SALES) as client:
        client.mail(SALES)
        client.rcpt(CUSTOMER)
        if by == "DATA":
            client.docmd("DATA")
            client.send(content + b".\r\n")
        else:
            client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert client.getreply()[0] == 451
        assert client.mail(SALES)[0] == 250
