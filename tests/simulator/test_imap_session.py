"""A session over IMAP: folders and messages change, and Exchange's ways are seen on the wire."""

import re
import time

import pytest
from support.imap_wire import ImapWire, parse

SALES, PURCHASING = "sales@contoso.test", "purchasing@contoso.test"
MAIL = (
    b"From: Jane <jane@example.com>\r\nTo: sales@contoso.test\r\n"
    b"Subject: =?utf-8?Q?=C3=9Cberweisung?=\r\nDate: Mon, 02 Feb 2026 08:00:00 +0000\r\n"
    b"Message-ID: <1@example.com>\r\n\r\nThe body\r\n"
)
EXPIRED = b"* BYE Session invalidated - AccessTokenExpired\r\n"


@pytest.fixture
def connect(sim, context):
    """Return a function that opens a signed-in connection."""
    opened = []

    def sign_in(mailbox=SALES):
        wire = ImapWire(sim.imap_port, context)
        opened.append(wire)
        wire.sign_in(mailbox, sim.new_token(mailbox))
        return wire

    yield sign_in
    for wire in opened:
        wire.__exit__(None, None, None)


def words(wire, command):
    return wire.command(command)[1]


def uids(wire, criteria=b"ALL"):
    (answer,) = wire.ok(b"UID SEARCH " + criteria)
    return [int(uid) for uid in parse(answer)[2:]]


# Exchange's ways ------------------------------------------------------------------------------


def test_select_answers_in_exchanges_order(connect):
    wire = connect()
    untagged, reply = wire.command(b"SELECT INBOX")
    shapes = [
        rb"\* 3 EXISTS",
        rb"\* 3 RECENT",
        rb"\* FLAGS \(\\Seen \\Answered \\Flagged \\Deleted \\Draft \$MDNSent\)",
        rb"\* OK \[PERMANENTFLAGS \(\\Seen .* \$MDNSent\)\] Permanent flags",
        rb"\* OK \[UNSEEN 1\] Is the first unseen message",
        rb"\* OK \[UIDVALIDITY \d+\] UIDVALIDITY value",
        rb"\* OK \[UIDNEXT \d+\] The next unique identifier value",
    ]
    assert len(untagged) == len(shapes)
    for line, shape in zip(untagged, shapes, strict=True):
        assert re.fullmatch(shape + rb"\r\n", line), line
    assert reply == b"OK [READ-WRITE] SELECT completed."


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_the_greeting_and_the_capabilities(sim, context, behind_proxy):
    sim.tenant.policies.change({"imap_behind_proxy": behind_proxy})
    with ImapWire(sim.imap_port, context) as wire:
        (before,) = wire.ok(b"CAPABILITY")
        wire.sign_in(SALES, sim.new_token(SALES))
        (after,) = wire.ok(b"CAPABILITY")
        greeting = wire.greeting
    if behind_proxy:
        shape = (
            rb"\* OK Microsoft Exchange IMAP4 service ready. [0-9a-f-]{36} "
            rb"\(tcpproxy/[0-9.]+ BACKENDAUTHENTICATE\) \[[A-Za-z0-9=]+\]\r\n"
        )
    else:
        shape = rb"\* OK The Microsoft Exchange IMAP4 service is ready. \[[A-Za-z0-9=]+\]\r\n"
    assert re.fullmatch(shape, greeting)
    assert (b"LOGINDISABLED" in before) is behind_proxy
    assert (b"AUTH=PLAIN" in before) is not behind_proxy
    assert (b"BACKENDAUTHENTICATE-IR" in after) is behind_proxy
    assert {b"ID", b"CHILDREN", b"CLIENTACCESSRULES", b"MOVE"} <= set(after.split())
    assert b"IMAP4rev2" not in after


def test_imap4rev2_for_some_tenants(sim, connect):
    wire = connect()
    assert words(wire, b"ENABLE IMAP4rev2") == b"BAD Command Error. 12"
    sim.tenant.policies.imap4rev2 = True
    assert b"ENABLE IMAP4rev2" in wire.ok(b"CAPABILITY")[0]
    wire.ok(b"SELECT INBOX")
    assert wire.ok(b"SEARCH ALL") == [b"* SEARCH 1 2 3\r\n"]
    (returned,) = wire.ok(b"UID SEARCH RETURN (MIN COUNT ALL) ALL")
    assert re.fullmatch(rb'\* ESEARCH \(TAG "t\d+"\) UID MIN 1 COUNT 3 ALL 1:3\r\n', returned)
    assert wire.ok(b"ENABLE IMAP4rev2") == [b"* ENABLED IMAP4rev2\r\n"]
    (extended,) = wire.ok(b"SEARCH ALL")
    assert extended.endswith(b" ALL 1:3\r\n")
    (nothing,) = wire.ok(b"SEARCH DELETED")
    assert re.fullmatch(rb'\* ESEARCH \(TAG "t\d+"\)\r\n', nothing)


def test_names_are_utf_8_once_imap4rev2_is_enabled(sim, connect):
    sim.tenant.policies.imap4rev2 = True
    wire = connect()
    wire.ok(b"CREATE &AN8-")
    wire.ok(b"ENABLE IMAP4rev2")
    assert wire.ok('LIST "" "ß"'.encode()) == ['* LIST (\\HasNoChildren) "/" "ß"\r\n'.encode()]
    wire.ok('CREATE "R&D/漢"'.encode())
    assert {"ß", "R&D", "R&D/漢"} <= set(sim.tenant.folders(SALES))
    for name in (b'"\xff"', b"{3+}\r\na\r\n", b'"\xc2\x85"'):
        assert words(wire, b"CREATE " + name) == b"BAD Command Argument Error. 11"


def test_id_is_microsofts(connect):
    wire = connect()
    for asked in (b"NIL", b'("name" "test" "version" NIL)', b"()"):
        assert b"Microsoft" in wire.ok(b"ID " + asked)[0]


def test_a_name_with_a_quote_is_listed_as_a_literal(sim, connect):
    sim.tenant.create_folder(SALES, 'The "new" ones')
    (line,) = connect().ok(b'LIST "" "The*"')
    assert line == b'* LIST (\\HasNoChildren) "/" {14}\r\nThe "new" ones\r\n'


def test_folders_with_unread_mail_are_marked(sim, connect):
    wire = connect()
    assert wire.ok(b'LIST "" INBOX') == [b'* LIST (\\Marked \\HasNoChildren) "/" INBOX\r\n']
    wire.ok(b"SELECT INBOX")
    wire.ok(b"STORE 1:* +FLAGS.SILENT (\\Seen)")
    assert wire.ok(b'LIST "" INBOX') == [b'* LIST (\\HasNoChildren) "/" INBOX\r\n']


def test_close_after_examine_is_ok_and_removes_nothing(connect):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    wire.ok(b"STORE 1 +FLAGS (\\Deleted)")
    assert wire.command(b"EXAMINE INBOX")[1] == b"OK [READ-ONLY] EXAMINE completed."
    assert words(wire, b"STORE 1 -FLAGS (\\Deleted)").startswith(b"NO")
    assert words(wire, b"EXPUNGE").startswith(b"NO")
    assert words(wire, b"CLOSE") == b"OK CLOSE completed."
    wire.ok(b"SELECT INBOX")
    assert len(uids(wire)) == 3
    assert words(wire, b"CLOSE") == b"OK CLOSE completed."
    assert words(wire, b"SEARCH ALL").startswith(b"BAD")
    wire.ok(b"SELECT INBOX")
    assert len(uids(wire)) == 2


def test_the_21st_session_is_refused_until_one_ends(sim, context, connect):
    sessions = [connect() for _ in range(20)]
    token = sim.new_token(SALES)
    with ImapWire(sim.imap_port, context) as wire:
        with pytest.raises(AssertionError, match=r"NO Server Unavailable\. 15"):
            wire.sign_in(SALES, token)
        connect(PURCHASING)
        sessions[0].ok(b"LOGOUT")
        assert sessions[0].response() == b""
        wire.sign_in(SALES, token)


def test_throttling_refuses_and_ends(sim, connect):
    wire = connect()
    sim.tenant.policies.imap_throttled = 300
    reply = words(wire, b"NOOP")
    assert reply == b"NO Request is throttled. Suggested Backoff Time: 300 milliseconds"
    assert wire.response() == b"* BYE Connection closed. 14\r\n"
    assert wire.response() == b""


def test_a_fetch_leaves_messages_out(sim, connect):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    sim.tenant.policies.imap_withheld = "Subject: Delivery note"
    answers = wire.ok(b"UID FETCH 1:* (FLAGS)")
    assert [parse(answer)[3][1] for answer in answers] == ["1", "3"]


def test_another_uid_validity_ends_the_sessions_that_rely_on_it(sim, connect):
    wire, idle, elsewhere = connect(), connect(), connect()
    wire.ok(b"SELECT INBOX")
    idle.ok(b"EXAMINE INBOX")
    idle.send(b"i IDLE\r\n")
    assert idle.response().startswith(b"+")
    (before,) = elsewhere.ok(b"STATUS INBOX (UIDVALIDITY)")
    sim.tenant.renew_uid_validity(SALES, "INBOX")
    assert idle.response() == b"* BYE Connection closed. 14\r\n"
    wire.send(b"n NOOP\r\n")
    assert wire.response() == b"* BYE Connection closed. 14\r\n"
    assert elsewhere.ok(b"STATUS INBOX (UIDVALIDITY)") != [before]


# Time -----------------------------------------------------------------------------------------


def test_idle_ends_with_the_token(sim, connect):
    sim.tenant.policies.token_lifetime = 2
    wire = connect()
    wire.ok(b"SELECT INBOX")
    wire.send(b"i IDLE\r\n")
    assert wire.response() == b"+ IDLE accepted, awaiting DONE command.\r\n"
    assert wire.response() == EXPIRED
    assert wire.response() == b""


def test_a_session_whose_token_ran_out_ends_at_the_next_command(sim, connect):
    sim.tenant.policies.token_lifetime = 1
    wire = connect()
    time.sleep(1.1)
    wire.send(b"n NOOP\r\n")
    assert wire.response() == EXPIRED


@pytest.mark.parametrize("command", [b"", b"i IDLE\r\n"], ids=["silent", "idle"])
def test_a_client_that_says_nothing_is_sent_away(sim, connect, command):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    sim.tenant.policies.imap_idle_seconds = 1
    wire.ok(b"NOOP")
    wire.send(command)
    answers = [wire.response() for _ in range(2 if command else 1)]
    assert answers[-1] == b"* BYE Connection is closed. 13\r\n"
    assert wire.response() == b""


def test_a_client_that_does_not_finish_its_sign_in_is_sent_away(sim, context):
    sim.tenant.policies.imap_idle_seconds = 1
    with ImapWire(sim.imap_port, context) as wire:
        wire.send(b"a AUTHENTICATE XOAUTH2\r\n")
        assert wire.response() == b"+ \r\n"
        assert wire.response() == b"* BYE Connection is closed. 13\r\n"
        assert wire.response() == b""


# Messages -------------------------------------------------------------------------------------


def test_what_happens_elsewhere_is_told_in_idle(sim, connect):
    wire, other = connect(), connect()
    wire.ok(b"SELECT INBOX")
    other.ok(b"SELECT INBOX")
    wire.send(b"i IDLE\r\n")
    wire.response()
    sim.tenant.deliver(SALES, MAIL)
    assert [wire.response(), wire.response()] == [b"* 4 EXISTS\r\n", b"* 4 RECENT\r\n"]
    other.ok(b"STORE 1 +FLAGS (\\Flagged)")
    assert wire.response() == b"* 1 FETCH (FLAGS (\\Flagged \\Recent) UID 1)\r\n"
    other.ok(b"UID STORE 2 +FLAGS.SILENT (\\Deleted)")
    assert b"\\Deleted" in wire.response()
    assert other.ok(b"EXPUNGE") == [b"* 2 EXPUNGE\r\n"]
    assert wire.response() == b"* 2 EXPUNGE\r\n"
    wire.send(b"DONE\r\n")
    assert wire.response() == b"i OK IDLE completed.\r\n"


def test_numbers_stay_until_the_client_is_told(connect):
    wire, other = connect(), connect()
    wire.ok(b"SELECT INBOX")
    other.ok(b"SELECT INBOX")
    other.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok(b"EXPUNGE")
    # A command that speaks of numbers may not move them (RFC 3501, 7.4.1).
    answers = wire.ok(b"FETCH 2 (UID)")
    assert answers[0] == b"* 2 FETCH (UID 2)\r\n"
    assert not [answer for answer in answers if b"EXPUNGE" in answer]
    assert wire.ok(b"NOOP") == [b"* 1 EXPUNGE\r\n"]
    assert wire.ok(b"FETCH 2 (UID)") == [b"* 2 FETCH (UID 3)\r\n"]


def test_append_keeps_every_byte_flags_and_date(sim, connect):
    content = b"Subject: x\r\n\r\nbare\nline feeds and \xff bytes\r\n"
    wire = connect()
    head = b'APPEND "Notes" (\\Seen $Unknown) "17-Jul-2025 02:44:25 -0700" {%d+}\r\n'
    reply = words(wire, head % len(content) + content)
    assert re.fullmatch(rb"OK \[APPENDUID \d+ \d+\] APPEND completed\.", reply)
    assert sim.tenant.messages(SALES, "Notes") == [content]
    wire.ok(b"EXAMINE Notes")
    found = wire.fetch(1, b"FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]")
    assert found == {
        "FLAGS": ["\\Seen", "\\Recent"],
        "INTERNALDATE": b"17-Jul-2025 02:44:25 -0700",
        "RFC822.SIZE": str(len(content) + 1),
        "BODY[]": content.replace(b"bare\n", b"bare\r\n"),
    }


def test_a_literal_that_waits_is_asked_for(connect):
    wire = connect()
    wire.send(b"a APPEND Notes {3}\r\n")
    assert wire.response() == b"+ Ready for additional command text.\r\n"
    wire.send(b"abc\r\n")
    assert wire.response().startswith(b"a OK [APPENDUID")


@pytest.mark.parametrize("verb", [b"COPY", b"MOVE"])
def test_copies_and_moves_give_the_new_uids(sim, connect, verb):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    wire.ok(b"STORE 1 +FLAGS.SILENT (\\Flagged)")
    untagged, reply = wire.command(b"UID " + verb + b" 1,3 Archive")
    said = b"".join(untagged) + reply
    code = re.search(rb"\[COPYUID \d+ 1,3 (\d+):(\d+)\]", said)
    assert int(code[2]) == int(code[1]) + 1
    left = 1 if verb == b"MOVE" else 3
    assert untagged[1:] == ([b"* 1 EXPUNGE\r\n", b"* 2 EXPUNGE\r\n"] if verb == b"MOVE" else [])
    assert len(uids(wire)) == left
    assert len(sim.tenant.messages(SALES, "Archive")) == 2
    wire.ok(b"EXAMINE Archive")
    assert "\\Flagged" in wire.fetch(1, b"FLAGS")["FLAGS"]
    assert words(wire, b"UID " + verb + b" 1 Gone").startswith(b"NO")


def test_fetching_a_body_marks_it_as_read_unless_it_peeks(connect):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    assert wire.fetch(1, b"BODY.PEEK[TEXT]").keys() == {"BODY[TEXT]"}
    assert "\\Seen" in wire.fetch(1, b"BODY[TEXT]")["FLAGS"]
    assert "\\Seen" in wire.fetch(2, b"RFC822")["FLAGS"]
    wire.ok(b"EXAMINE INBOX")
    assert wire.fetch(3, b"BODY[]").keys() == {"BODY[]"}


def test_uid_expunge_spares_the_others(connect):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    wire.ok(b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
    assert wire.ok(b"UID EXPUNGE 2:2") == [b"* 2 EXPUNGE\r\n"]
    assert uids(wire) == [1, 3]


SEARCHES = {
    "ALL": [1, 2, 3, 4],
    "2:3": [2, 3],
    "*": [4],
    "UID 2": [2],
    "UNSEEN": [1, 2, 3],
    "SEEN": [4],
    "NOT SEEN FLAGGED": [1],
    "OR FLAGGED SEEN": [1, 4],
    "(OR FLAGGED SEEN) NOT SEEN": [1],
    'FROM "jane"': [4],
    "SUBJECT berwei": [3, 4],
    "SUBJECT {12+}\r\nÜberweisung": [3, 4],
    'HEADER Message-ID "<1@example.com>"': [4],
    'HEADER X-Missing ""': [],
    'BODY "the BODY"': [4],
    'BODY "vielen dank"': [3],
    "TEXT jane@example": [4],
    "SENTON 2-Feb-2026": [4],
    "SENTSINCE 8-Jan-2026": [3, 4],
    "SENTBEFORE 8-Jan-2026": [1, 2],
    "BEFORE 1-Jan-2025": [4],
    "LARGER 100000": [],
    "SMALLER 100000": [1, 2, 3, 4],
    "UNKEYWORD $MDNSent": [1, 2, 3, 4],
    "CHARSET UTF-8 ALL": [1, 2, 3, 4],
}


@pytest.mark.parametrize(("criteria", "found"), SEARCHES.items(), ids=SEARCHES.keys())
def test_search(connect, criteria, found):
    wire = connect()
    wire.ok(b'APPEND INBOX (\\Seen) "02-Feb-2024 08:00:00 +0000" {%d+}\r\n%b' % (len(MAIL), MAIL))
    wire.ok(b"SELECT INBOX")
    wire.ok(b"STORE 1 +FLAGS.SILENT (\\Flagged)")
    (answer,) = wire.ok(b"SEARCH " + criteria.encode())
    assert [int(number) for number in parse(answer)[2:]] == found


@pytest.mark.parametrize(
    ("criteria", "reply"),
    [
        (b"CHARSET KOI8-R ALL", b"NO [BADCHARSET (US-ASCII)]"),
        (b"KEYWORD Important", b"BAD Command Argument Error. 11"),
        (b"SINCE yesterday", b"BAD Command Argument Error. 11"),
        (b"NOTHING", b"BAD Command Argument Error. 11"),
    ],
)
def test_a_search_that_is_refused(connect, criteria, reply):
    wire = connect()
    wire.ok(b"SELECT INBOX")
    assert words(wire, b"SEARCH " + criteria).startswith(reply)


# Folders --------------------------------------------------------------------------------------


def test_folders_are_made_with_those_above_them_and_deleted_alone(sim, connect):
    wire = connect()
    wire.ok(b"CREATE A/B/C")
    assert {"A", "A/B", "A/B/C"} <= set(sim.tenant.folders(SALES))
    assert words(wire, b"CREATE A/B").startswith(b"NO")
    wire.ok(b"DELETE A/B")
    listed = wire.ok(b'LIST "A/" *')
    assert listed == [
        b'* LIST (\\HasNoChildren) "/" A/B/C\r\n',
        b'* LIST (\\Noselect \\HasChildren) "/" A/B\r\n',
    ]
    wire.ok(b"RENAME A Z/Y")
    assert {"Z", "Z/Y", "Z/Y/B/C"} <= set(sim.tenant.folders(SALES))


@pytest.mark.parametrize(
    "command",
    [
        b"DELETE INBOX",
        b'DELETE "Sent Items"',
        b"DELETE Gone",
        b"RENAME INBOX Other",
        b"RENAME Gone Other",
        b"RENAME Notes Drafts",
        b"RENAME Notes Notes/Inside",
        b"CREATE inbox",
        b"CREATE A//B",
        b"SUBSCRIBE Gone",
        b"STATUS Gone (MESSAGES)",
    ],
)
def test_impossible_changes_are_refused(sim, connect, command):
    before = sim.tenant.folders(SALES)
    assert words(connect(), command).startswith(b"NO")
    assert sim.tenant.folders(SALES) == before


def test_subscriptions_are_kept(connect):
    wire = connect()
    wire.ok(b"UNSUBSCRIBE Notes")
    assert b'* LSUB () "/" Notes\r\n' not in connect().ok(b'LSUB "" *')
    wire.ok(b"SUBSCRIBE Notes")
    assert b'* LSUB () "/" Notes\r\n' in connect().ok(b'LSUB "" *')


def test_a_deleted_folder_ends_who_has_it_open(sim, connect):
    wire = connect()
    wire.ok(b"SELECT Notes")
    sim.tenant.delete_folder(SALES, "Notes")
    wire.send(b"n NOOP\r\n")
    assert wire.response() == b"* BYE Connection closed. 14\r\n"
