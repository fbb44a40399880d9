"""The SMTP conversation: extensions, BDAT, DSN, malformed commands, in Exchange's words."""

import smtplib
import socket
import ssl

import pytest
from salesorder_m365.simulator import replies
from salesorder_m365.simulator.mail.smtp.arguments import (
    BadArgumentError,
    read_recipient,
    read_sender,
)
from support.submitting import Submitter, connected, message

SALES, CUSTOMER = "sales@contoso.test", "office@fabrikam.example.com"
BUYER = "purchasing@contoso.test"


@pytest.fixture
def client(sim, context):
    with connected(sim, context, SALES) as made:
        yield made


def test_the_greeting_and_the_hello_are_exchanges(sim, context):
    with Submitter(local_hostname="erp", timeout=5) as client:
        code, text = client.connect("localhost", sim.smtp_port)
        assert code == 220
        assert b"Microsoft ESMTP MAIL Service ready at " in text
        hello = client.say("EHLO erp").splitlines()
        assert hello[0] == f"250 {replies.SMTP_FRONT} Hello [127.0.0.1]"
        assert hello[1:6] == [
            "SIZE 157286400",
            "PIPELINING",
            "DSN",
            "ENHANCEDSTATUSCODES",
            "STARTTLS",
        ]
        assert client.say("STARTTLS") == "220 2.0.0 SMTP server ready"


def test_what_was_sent_behind_starttls_is_dropped(sim, context):
    with socket.create_connection(("localhost", sim.smtp_port), 5) as plain:
        plain.recv(4096)
        plain.sendall(b"EHLO erp\r\n")
        plain.recv(4096)
        plain.sendall(b"STARTTLS\r\nNOOP\r\n")
        assert plain.recv(4096).startswith(b"220 2.0.0")
        with context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"EHLO erp\r\n")
            assert tls.recv(4096).startswith(b"250-")


def test_pipelined_commands_are_answered_in_order(sim, client):
    content = message(SALES, BUYER)
    client.send(
        f"MAIL FROM:<{SALES}>\r\nRCPT TO:<{BUYER}>\r\nRCPT TO:<nonsense>\r\nDATA\r\n".encode()
    )
    assert [client.getreply()[0] for _ in range(4)] == [250, 250, 501, 354]
    client.send(content + b".\r\nMAIL FROM:<" + SALES.encode() + b">\r\nQUIT\r\n")
    assert [client.getreply()[0] for _ in range(3)] == [250, 250, 221]


CHUNKS = {
    "in one": [(b"all", True)],
    "in three": [(b"one\r\n.\r\ntwo", False), (b"\x00\xff\r\n", False), (b"end", True)],
    "with an empty end": [(b"all", False), (b"", True)],
}


@pytest.mark.parametrize("chunks", CHUNKS.values(), ids=CHUNKS.keys())
def test_chunks_make_a_message_byte_for_byte(sim, client, chunks):
    head = message(SALES, BUYER)
    assert client.envelope(SALES, BUYER, mail=" BODY=BINARYMIME SIZE=400")[0].startswith("250")
    assert client.chunk(head) == f"250 2.6.0 CHUNK received OK, {len(head)} octets"
    said = [client.chunk(content, last) for content, last in chunks]
    assert said[-1] == replies.smtp_taken("<offer.1@contoso.test>")
    body = b"".join(content for content, _ in chunks)
    assert sim.tenant.submissions[-1].content == head + body


def test_a_chunk_without_a_transaction_is_read_and_refused(client):
    assert client.chunk(b"NOOP\r\n" * 10, last=True).startswith("503 5.5.2")
    assert client.say("NOOP") == "250 2.0.0 OK"


def test_data_after_a_chunk_or_for_a_binary_body_is_out_of_sequence(client):
    client.envelope(SALES, BUYER, mail=" BODY=BINARYMIME")
    assert client.say("DATA") == "503 5.5.1 Bad sequence of commands"
    client.envelope(SALES, BUYER)
    client.chunk(b"Subject: x\r\n")
    assert client.say("DATA") == "503 5.5.1 Bad sequence of commands"


def test_a_chunk_of_unknown_size_ends_the_connection(client):
    client.envelope(SALES, BUYER)
    assert client.say("BDAT many LAST") == "501 5.5.4 Invalid arguments"
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.say("NOOP")


def test_dots_are_unstuffed(sim, client):
    body = b".\r\n..\r\n.hidden\r\nend\r\n"
    content = message(SALES, BUYER) + body
    client.submit(SALES, BUYER, content=content)
    assert sim.tenant.submissions[-1].content == content


def test_an_empty_message_is_taken(sim, client):
    client.envelope(SALES, BUYER)
    assert client.say("DATA") == replies.SMTP_START_DATA
    assert client.say(".").startswith("250 2.0.0 OK <")


OUT_OF_ORDER = {
    "RCPT": ("RCPT TO:<a@example.com>", "503 5.5.2 Need mail command"),
    "DATA": ("DATA", "503 5.5.2 Need mail command"),
    "AUTH": ("AUTH XOAUTH2 x", "503 5.5.1 Bad sequence of commands"),
    "STARTTLS": ("STARTTLS", "503 5.5.1 Bad sequence of commands"),
    "unknown": ("XYZZY", "500 5.3.3 Unrecognized command"),
    "empty": ("", "500 5.3.3 Unrecognized command"),
    "VRFY": ("VRFY sales", "252 2.1.5 Cannot VRFY user"),
    "RSET": ("RSET", "250 2.0.0 Resetting"),
    "no hello name": ("EHLO", "501 5.5.4 Invalid arguments"),
    "too long": ("NOOP " + "x" * 20_000, "500 5.5.2 Line too long"),
    "QUIT": ("QUIT", "221 2.0.0 Service closing transmission channel"),
}


@pytest.mark.parametrize(("line", "reply"), OUT_OF_ORDER.values(), ids=OUT_OF_ORDER.keys())
def test_commands_out_of_order_hear_exchanges_words(client, line, reply):
    assert client.say(line) == reply


def test_a_second_sender_and_data_without_recipients_are_refused(client):
    client.envelope(SALES)
    assert client.say(f"MAIL FROM:<{SALES}>") == "503 5.5.2 Sender already specified"
    assert client.say("DATA") == "503 5.5.2 Need rcpt command"


SENDERS = {
    "plain": ("FROM:<sales@contoso.test>", "sales@contoso.test"),
    "space after the colon": ("FROM: <sales@contoso.test>", "sales@contoso.test"),
    "null": ("FROM:<>", ""),
    "route": ("FROM:<@relay.example.com:a@example.com>", "a@example.com"),
    "quoted": ('FROM:<"a b>c"@example.com>', '"a b>c"@example.com'),
    "plus": ("FROM:<a+b@example.com>", "a+b@example.com"),
    "literal": ("FROM:<a@[127.0.0.1]>", "a@[127.0.0.1]"),
    "UTF-8": ("FROM:<müller@bücher.example.com> SMTPUTF8", "müller@bücher.example.com"),
    "every parameter": (
        "FROM:<a@example.com> SIZE=12 BODY=8BITMIME RET=HDRS ENVID=QQ+2B1 AUTH=<>",
        "a@example.com",
    ),
}


@pytest.mark.parametrize(("argument", "address"), SENDERS.values(), ids=SENDERS.keys())
def test_senders_are_read(argument, address):
    assert read_sender(argument).address == address


def test_parameters_of_the_envelope_are_read():
    sender = read_sender("FROM:<a@example.com> RET=HDRS ENVID=QQ+2B1 SIZE=7")
    assert (sender.returned, sender.envelope_id, sender.size) == ("HDRS", "QQ+1", 7)
    to = read_recipient("TO:<a@example.com> NOTIFY=SUCCESS,delay ORCPT=rfc822;b+40c", utf8=False)
    assert (to.notify, to.original) == ({"SUCCESS", "DELAY"}, "rfc822;b@c")


MALFORMED = [
    ("FROM:sales@contoso.test", replies.SMTP_BAD_SENDER),
    ("FROM:<sales>", replies.SMTP_BAD_SENDER),
    ("FROM:<sales@>", replies.SMTP_BAD_SENDER),
    ("FROM:<@contoso.test>", replies.SMTP_BAD_SENDER),
    ("FROM:<a b@contoso.test>", replies.SMTP_BAD_SENDER),
    ("FROM:<a..b@contoso.test>", replies.SMTP_BAD_SENDER),
    ("FROM:<a@b@contoso.test>", replies.SMTP_BAD_SENDER),
    ("FROM:<a@-contoso.test>", replies.SMTP_BAD_SENDER),
    ("FROM:<a@contoso..test>", replies.SMTP_BAD_SENDER),
    ("FROM:<a@contoso.test", replies.SMTP_BAD_SENDER),
    (f"FROM:<{'a' * 65}@contoso.test>", replies.SMTP_BAD_SENDER),
    (f"FROM:<a@{'b' * 64}.test>", replies.SMTP_BAD_SENDER),
    ("FROM:<müller@contoso.test>", replies.SMTP_NEEDS_UTF8),
    ("FROM:<a@contoso.test> SIZE=x", replies.SMTP_BAD_ARGUMENTS),
    ("FROM:<a@contoso.test> BODY=9BIT", replies.SMTP_BAD_ARGUMENTS),
    ("FROM:<a@contoso.test> RET=NONE", replies.SMTP_BAD_ARGUMENTS),
    ("FROM:<a@contoso.test> X=1", replies.SMTP_BAD_ARGUMENTS),
    ("<a@contoso.test>", replies.SMTP_BAD_ARGUMENTS),
]


@pytest.mark.parametrize(("argument", "reply"), MALFORMED, ids=[line for line, _ in MALFORMED])
def test_malformed_senders_are_refused(client, argument, reply):
    with pytest.raises(BadArgumentError) as refused:
        read_sender(argument)
    assert refused.value.reply == reply
    assert client.say(f"MAIL {argument}") == reply


@pytest.mark.parametrize(
    ("argument", "reply"),
    [
        ("TO:<>", replies.SMTP_BAD_RECIPIENT),
        ("TO:<nobody>", replies.SMTP_BAD_RECIPIENT),
        ("TO:<ä@example.com>", replies.SMTP_NEEDS_UTF8),
        ("TO:<a@example.com> NOTIFY=NEVER,SUCCESS", replies.SMTP_BAD_ARGUMENTS),
        ("TO:<a@example.com> NOTIFY=", replies.SMTP_BAD_ARGUMENTS),
        ("TO:<a@example.com> ORCPT=a", replies.SMTP_BAD_ARGUMENTS),
        ("TO:<a@example.com> SIZE=1", replies.SMTP_BAD_ARGUMENTS),
    ],
)
def test_malformed_recipients_are_refused(client, argument, reply):
    client.envelope(SALES)
    assert client.say(f"RCPT {argument}") == reply


def test_the_announced_size_is_looked_at(client):
    reply = client.say(f"MAIL FROM:<{SALES}> SIZE=157286401")
    assert reply == "552 5.3.4 Message size exceeds fixed maximum message size"
    assert client.say(f"MAIL FROM:<{SALES}> SIZE=157286400").startswith("250")


@pytest.mark.parametrize("by_chunks", [False, True], ids=["DATA", "BDAT"])
def test_what_is_larger_than_150_mb_is_read_and_refused(sim, client, monkeypatch, by_chunks):
    monkeypatch.setattr(replies, "SIZE", 200_000)
    client.envelope(SALES, BUYER)
    content = message(SALES, BUYER) + b"x" * 70 + b"\r\n"
    if by_chunks:
        assert client.chunk(content * 500).startswith("250 2.6.0")
        said = client.chunk(content * 800, last=True)
    else:
        said = client.dot(content * 1300)
    assert said == replies.SMTP_TOO_LARGE
    assert sim.tenant.submissions == []
    assert client.submit(SALES, BUYER).startswith("250")


def test_tls_that_fails_ends_only_its_connection(sim, context):
    with socket.create_connection(("localhost", sim.smtp_port), 5) as plain:
        plain.recv(4096)
        plain.sendall(b"STARTTLS\r\n")
        plain.recv(4096)
        plain.sendall(b"this is no TLS\r\n" * 20)
        while plain.recv(4096):
            pass
    with connected(sim, context, SALES) as client:
        assert client.say("NOOP") == "250 2.0.0 OK"


def test_a_password_is_asked_for_and_refused(sim, context):
    with Submitter("localhost", sim.smtp_port, local_hostname="erp", timeout=5) as client:
        client.starttls(context=context)
        client.ehlo()
        assert client.say("AUTH LOGIN") == "334 VXNlcm5hbWU6"
        assert client.say("c2FsZXM=") == "334 UGFzc3dvcmQ6"
        assert "basic authentication is disabled" in client.say("eA==")
        assert client.say("AUTH XOAUTH2") == "334 "
        assert client.say("*") == "501 5.7.0 Authentication cancelled"
        assert client.say("AUTH PLAIN x") == "504 5.7.4 Unrecognized authentication type"


def test_the_certificate_has_a_common_name(sim, context):
    with (
        socket.create_connection(("localhost", sim.imap_port), 5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
    ):
        subject = dict(pair for (pair,) in tls.getpeercert()["subject"])
    assert subject["commonName"] == "localhost"
    assert ssl.HAS_SNI
