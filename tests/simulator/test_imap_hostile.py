"""Whatever an IMAP client sends, it is answered, and nobody else notices."""

import base64
import random
import threading
import time

import pytest
import requests
from rich.console import Console
from support.imap_wire import ImapWire

SALES = "sales@contoso.test"
NAMES = 2_000
_COMMANDS = (b"SELECT %b", b"STATUS %b (MESSAGES)", b'LIST "" %b', b"CREATE %b")


@pytest.fixture
def wire(sim, context):
    with ImapWire(sim.imap_port, context) as connection:
        yield connection


@pytest.fixture
def signed_in(sim, wire):
    wire.sign_in(SALES, sim.new_token(SALES))
    return wire


def names(count):
    """Return names as clients send them: encoded, half encoded, and not at all."""
    chance = random.Random(4711)
    letters = "abR&D-+,/ {}%*\\\"()[]~'.\tÜß漢😀"
    for number in range(count):
        name = "".join(chance.choices(letters, k=chance.randint(1, 40)))
        if number % 3 == 0:
            encoded = base64.b64encode(name.encode("utf-16-be")).rstrip(b"=")
            yield b"&" + encoded.replace(b"/", b",") + chance.choice([b"-", b""])
        elif number % 3 == 1:
            yield name.encode()
        else:
            yield chance.randbytes(chance.randint(1, 30)).replace(b"\0", b"")


def commands(count):
    """Return commands with such names, quoted and as literals."""
    for number, name in enumerate(names(count)):
        shown = b"{%d+}\r\n%b" % (len(name), name) if number % 2 else quoted(name)
        yield _COMMANDS[number % len(_COMMANDS)].replace(b"%b", shown)


def quoted(name):
    """Return a name in quotes; without line ends, which would end the command."""
    one_line = name.replace(b"\r", b"").replace(b"\n", b"")
    return b'"' + one_line.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


class Watcher(threading.Thread):
    """Asks the token endpoint all the time; keeps how long each answer took, in seconds."""

    def __init__(self, sim):
        super().__init__()
        self.url = f"{sim.authority}/contoso.test/oauth2/v2.0/token"
        self.ca_file = str(sim.ca_file)
        self.ended = threading.Event()
        self.took = []

    def run(self):
        with requests.Session() as session:
            session.trust_env = False
            session.verify = self.ca_file
            while not self.ended.is_set():
                begun = time.perf_counter()
                session.post(self.url, data={"grant_type": "nonsense"}, timeout=5)
                self.took.append(time.perf_counter() - begun)


@pytest.mark.parametrize("before_sign_in", [True, False], ids=["before sign-in", "after"])
def test_random_names_are_all_answered_while_others_are_served(sim, wire, before_sign_in):
    if not before_sign_in:
        wire.sign_in(SALES, sim.new_token(SALES))
    watcher = Watcher(sim)
    watcher.start()
    try:
        replies = [wire.command(command)[1].split()[0] for command in commands(NAMES)]
    finally:
        watcher.ended.set()
        watcher.join()
    assert len(replies) == NAMES
    assert set(replies) == ({b"BAD"} if before_sign_in else {b"OK", b"NO", b"BAD"})
    assert len(watcher.took) > 1
    Console().print(
        f"\n{NAMES:,} names; the token endpoint answered {len(watcher.took)} times meanwhile, "
        f"at the latest after {max(watcher.took) * 1000:.0f} ms"
    )
    assert wire.ok(b"NOOP") == []


@pytest.mark.parametrize(
    "name",
    [
        b'"R&D"',
        b'"&AOQ"',
        b'"&ZeVnLIqe"',
        b'"a&b-c"',
        b'"&-&"',
        b'"&AA0ACg-"',
        b'"&2AA-"',
        b'"&AGE-"',
    ],
)
def test_a_name_that_is_not_modified_utf_7_is_refused(signed_in, name):
    for command in _COMMANDS:
        _, reply = signed_in.command(command.replace(b"%b", name))
        assert reply == b"BAD Command Argument Error. 11"


@pytest.mark.parametrize(
    ("name", "wire_name"),
    [
        ("R&D", b"R&-D"),
        ("Entwürfe 漢😀", b"Entw&APw-rfe &byLYPd4A-"),
        ("~peter/日本語", b"~peter/&ZeVnLIqe-"),
    ],
)
def test_names_beyond_ascii_go_both_ways(sim, signed_in, name, wire_name):
    signed_in.ok(b'CREATE "%b"' % wire_name)
    assert name in sim.tenant.folders(SALES)
    (listed,) = signed_in.ok(b'LIST "" "%b"' % wire_name)
    assert wire_name in listed


PATTERNS = {
    "Se*": 1,
    "*e*e*": 2,
    "inbox": 1,
    "Sent%Items": 1,
    "%/%": 1,
    "A/*": 1,
    "": 1,
}
HOSTILE = {
    "many wildcards": b'LIST "" "' + b"*a%" * 300 + b'"',
    "many stars": b'LIST "" "' + b"*" * 900 + b'b"',
    "a very long name": b'SELECT "' + b"x" * 5_000 + b'"',
    "a level too long": b'CREATE "' + b"x" * 300 + b'"',
    "a line too long": b"SELECT " + b"x" * 200_000,
    "many parentheses": b"SEARCH " + b"(" * 5_000 + b"ALL" + b")" * 5_000,
    "many NOTs": b"SEARCH " + b"NOT " * 2_000 + b"ALL",
    "an open string": b'SELECT "abc',
    "an open parenthesis": b"FETCH 1 (FLAGS",
    "a bare literal": b"SELECT {5}x",
    "a huge number": b"FETCH 99999999999999999999 FLAGS",
    "a large set": b"FETCH " + b"1:4294967295," * 700 + b"1 FLAGS",
    "a large partial": b"FETCH 1:* (BODY.PEEK[]<4294967295.4294967295>)",
    "a section of no end": b"FETCH 1 BODY.PEEK[" + b"1." * 3_000 + b"1]",
    "a huge literal": b"APPEND INBOX {4294967295}",
    "a literal for a name": b"SELECT {1000000}",
    "a date that is none": b'APPEND INBOX "99-Foo-2026 00:00:00 +0000" {1+}\r\nx',
    "an unknown verb": b"FROBNICATE all",
    "UID of another verb": b"UID SELECT INBOX",
    "no verb": b"",
    "8-bit text": b"SELECT \xff\xfe",
    "NUL": b"SELECT a\0b",
}


def test_patterns_match_as_they_should(sim, signed_in):
    signed_in.ok(b'CREATE "A/B"')
    found = {
        pattern: len(signed_in.ok(f'LIST "" "{pattern}"'.encode()))
        for pattern in (*PATTERNS, "*", "%")
    }
    everything = len(sim.tenant.folders(SALES))
    assert found == PATTERNS | {"*": everything, "%": everything - 1}


@pytest.mark.parametrize("command", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_command_is_answered_and_the_session_goes_on(signed_in, command):
    signed_in.ok(b"SELECT INBOX")
    _, reply = signed_in.command(command)
    assert reply.split()[0] in {b"OK", b"NO", b"BAD"}
    assert signed_in.ok(b"UID SEARCH ALL")


_NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level)
    for level in range(2_000)
)
MAILS = {
    "levels": _NESTED,
    "lines that could be boundaries": _NESTED[:10_000] + b"\r\n" + b"--b\r\n" * 50_000,
    "parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 30_000,
    "messages": b"Content-Type: message/rfc822\r\n\r\n" * 10_000,
    "addresses": b"To: " + b"a@b," * 50_000 + b"\r\n\r\n",
    "commas": b"To: " + b"," * 200_000 + b"\r\n\r\n",
    "comments": b"To: " + b"(" * 200_000 + b"\r\n\r\n",
    "open quotes": b"To: " + b'"a\\"' * 50_000 + b"\r\n\r\n",
    "routes": b"To: <" + b"@a," * 50_000 + b":x@y>\r\n\r\n",
    "parameters": b"Content-Type: a/b" + b";a=b" * 50_000 + b"\r\n\r\n",
    "sections of parameters": b"Content-Type: a/b" + b";a*9999=b" * 30_000 + b"\r\n\r\n",
    "fields": b"a\r\n" * 70_000,
    "encoded-words": b"Subject: " + b"=?a?q?" * 40_000 + b"\r\n\r\n",
    "folds": b"Subject: " + b"\r\n a" * 50_000 + b"\r\n\r\n",
    "bare line feeds": b"\n" * 200_000,
}


@pytest.mark.parametrize("content", MAILS.values(), ids=MAILS.keys())
def test_a_hostile_mail_is_described_and_searched_while_others_are_served(sim, signed_in, content):
    sim.tenant.deliver(SALES, content, "Notes")
    signed_in.ok(b"EXAMINE Notes")
    watcher = Watcher(sim)
    watcher.start()
    try:
        described = signed_in.fetch(1, b"ENVELOPE BODYSTRUCTURE BODY.PEEK[1.2.3] RFC822.SIZE")
        found = signed_in.ok(b"SEARCH SUBJECT x TEXT y SENTSINCE 1-Jan-2026")
    finally:
        watcher.ended.set()
        watcher.join()
    assert described.keys() == {"ENVELOPE", "BODYSTRUCTURE", "BODY[1.2.3]", "RFC822.SIZE"}
    assert found == [b"* SEARCH\r\n"]
    assert watcher.took


def test_a_literal_that_does_not_wait_and_is_too_large_ends_its_connection_only(
    sim, context, signed_in
):
    with ImapWire(sim.imap_port, context) as other:
        other.send(b"a SELECT {4294967295+}\r\n")
        assert other.response() == b"* BYE Connection closed. 14\r\n"
        assert other.response() == b""
    assert signed_in.ok(b"NOOP") == []


def test_a_fault_of_the_server_is_bad_for_one_command(sim, signed_in, mocker, caplog):
    failing = mocker.patch.object(
        type(sim.tenant.mailboxes), "__getitem__", side_effect=RuntimeError("a secret")
    )
    assert signed_in.command(b'LIST "" *')[1] == b"BAD Command Error. 10"
    mocker.stop(failing)
    assert signed_in.ok(b'LIST "" *')
    assert "LIST failed with RuntimeError" in caplog.text
    assert "a secret" not in caplog.text
