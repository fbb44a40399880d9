"""IMAP: what Exchange answers to whom, with IMAPClient and on the bare wire."""

import base64
import socket
import time

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

SALES, PURCHASING, INFO = "sales@contoso.test", "purchasing@contoso.test", "info@contoso.test"
IMAP_SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All"
SMTP_SCOPE = "https://outlook.office.com/SMTP.Send"


@pytest.fixture
def logged_in(sim, imap):
    def connect(mailbox=SALES, user=None):
        client = imap()
        client.oauth2_login(mailbox, sim.new_token(user or mailbox))
        return client

    return connect


def roles(client):
    used = (b"\\Sent", b"\\Drafts", b"\\Trash", b"\\Junk", b"\\Archive")
    rows = client.list_folders()
    return {flag: name for flags, _, name in rows for flag in flags if flag in used}


def test_capabilities_are_exchanges(logged_in, imap):
    before, after = imap().capabilities(), logged_in().capabilities()
    wanted = b"IMAP4 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE"
    assert set(wanted.split()) <= set(before)
    assert b"MOVE" not in before
    assert b"MOVE" in after
    assert not {b"SPECIAL-USE", b"LIST-EXTENDED", b"CONDSTORE", b"QRESYNC"} & set(after)


def test_list_names_the_special_folders_unless_switched_off(sim, logged_in):
    assert roles(logged_in()) == {
        b"\\Sent": "Sent Items",
        b"\\Drafts": "Drafts",
        b"\\Trash": "Deleted Items",
        b"\\Junk": "Junk Email",
    }
    sim.tenant.policies.special_use = False
    assert roles(logged_in()) == {}


def test_the_german_mailbox_has_names_only(logged_in):
    client = logged_in("invoices@contoso.test")
    names = {name for _, _, name in client.list_folders()}
    wanted = {"Gesendete Elemente", "Entwürfe", "Gelöschte Elemente", "Junk-E-Mail", "Archiv"}
    assert wanted <= names
    assert roles(client) == {}


def test_the_archive_room_has_300_folders(logged_in):
    rows = logged_in("archive@contoso.test").list_folders()
    assert len(rows) == 300
    assert not [name for flags, _, name in rows if b"\\Noselect" in flags]


def test_messages_can_be_read_moved_and_watched(sim, logged_in):
    client = logged_in()
    assert client.select_folder("INBOX")[b"EXISTS"] == 3
    first, *_ = uids = client.search()
    subjects = [client.fetch([uid], ["ENVELOPE"])[uid][b"ENVELOPE"].subject for uid in uids]
    assert subjects[0] == b"Order 4711"
    client.move([first], "Archive")
    assert client.search() == uids[1:]
    client.idle()
    sim.tenant.deliver(SALES, b"From: a@example.com\r\nSubject: New\r\n\r\nHello\r\n")
    pushed = client.idle_check(timeout=5)
    client.idle_done()
    assert (3, b"EXISTS") in pushed
    client.unselect_folder()
    assert client.namespace().personal == (("", "/"),)


def test_the_delegate_opens_the_shared_mailbox(logged_in):
    client = logged_in(INFO, SALES)
    assert client.select_folder("INBOX")[b"EXISTS"] == 3


REFUSALS = {
    "no token": (SALES, lambda sim: "junk", {}),
    "Graph's audience": (
        SALES,
        lambda sim: sim.new_token(SALES, "https://graph.microsoft.com/Mail.Send"),
        {},
    ),
    "wrong scope": (SALES, lambda sim: sim.new_token(SALES, SMTP_SCOPE), {}),
    "unknown mailbox": ("nobody@contoso.test", lambda sim: sim.new_token(SALES), {}),
    "IMAP off": (SALES, lambda sim: sim.new_token(SALES), {"imap_disabled_for": [SALES]}),
    "reply by policy": (
        SALES,
        lambda sim: sim.new_token(SALES),
        {"imap_auth_reply": "NO AUTHENTICATE failed."},
    ),
}


@pytest.mark.parametrize(("mailbox", "token", "policies"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_sign_in_is_refused(sim, imap, mailbox, token, policies):
    sim.tenant.policies.change(policies)
    with pytest.raises(LoginError, match=r"^AUTHENTICATE failed\.$"):
        imap().oauth2_login(mailbox, token(sim))


def test_an_expired_token_is_refused(sim, imap):
    sim.tenant.policies.token_lifetime = 0
    with pytest.raises(LoginError, match="AUTHENTICATE failed"):
        imap().oauth2_login(SALES, sim.new_token(SALES))


def test_a_session_ends_with_its_token(sim, imap):
    sim.tenant.policies.token_lifetime = 2
    client = imap()
    client.oauth2_login(SALES, sim.new_token(SALES))
    time.sleep(2.1)
    with pytest.raises((IMAPClientAbortError, IMAPClientError)):
        client.list_folders()
    assert client._imap.untagged_responses["BYE"] == [b"Session invalidated - AccessTokenExpired"]


@pytest.mark.parametrize(
    ("mailbox", "user", "policies"),
    [
        (SALES, SALES, {"authenticated_but_not_connected_for": [SALES]}),
        (PURCHASING, SALES, {}),
    ],
    ids=["by policy", "without Full Access"],
)
def test_authenticated_but_not_connected(sim, logged_in, mailbox, user, policies):
    sim.tenant.policies.change(policies)
    client = logged_in(mailbox, user)
    with pytest.raises(IMAPClientError, match="User is authenticated but not connected"):
        client.list_folders()


class Wire:
    """A TLS connection, line by line."""

    def __init__(self, sim, context):
        plain = socket.create_connection(("localhost", sim.imap_port), 5)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        self.file = self.socket.makefile("rwb")

    def __enter__(self):
        self.greeting = self.line()
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def line(self):
        return self.file.readline().decode().rstrip("\r\n")

    def send(self, text):
        self.file.write(f"{text}\r\n".encode())
        self.file.flush()


def blob(user, token):
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()


@pytest.mark.parametrize("initial", [True, False], ids=["SASL-IR", "two lines"])
def test_the_refusal_comes_after_a_challenge(sim, context, initial):
    with Wire(sim, context) as wire:
        assert wire.greeting.startswith("* OK The Microsoft Exchange IMAP4 service is ready.")
        wire.send("a AUTHENTICATE XOAUTH2" + (f" {blob(SALES, 'x')}" if initial else ""))
        if not initial:
            assert wire.line() == "+ "
            wire.send(blob(SALES, "x"))
        challenge = base64.b64decode(wire.line().removeprefix("+ "))
        assert b'"status": "400"' in challenge
        wire.send("")
        assert wire.line() == "a NO AUTHENTICATE failed."
        wire.send('b LIST "" *')
        assert wire.line().startswith("b BAD")


def test_not_connected_on_the_wire(sim, context):
    with Wire(sim, context) as wire:
        wire.send(f"a AUTHENTICATE XOAUTH2 {blob(PURCHASING, sim.new_token(SALES))}")
        assert wire.line() == "a OK AUTHENTICATE completed."
        wire.send('b LIST "" *')
        assert wire.line() == "b BAD User is authenticated but not connected."
        assert wire.line() == "* BYE Connection closed. 14"
        assert wire.line() == ""


def test_a_reply_by_policy_is_sent_verbatim(sim, context):
    reply = "BAD Request is throttled. Suggested Backoff Time: 300 milliseconds"
    sim.tenant.policies.imap_auth_reply = reply
    with Wire(sim, context) as wire:
        wire.send(f"a AUTHENTICATE XOAUTH2 {blob(SALES, 'x')}")
        assert wire.line() == f"a {reply}"


@pytest.mark.parametrize(
    "line", ["LOGIN sales@contoso.test contoso", "AUTHENTICATE PLAIN AGEAYg=="]
)
def test_passwords_are_refused(sim, context, line):
    with Wire(sim, context) as wire:
        wire.send(f"a {line}")
        assert wire.line() == f"a NO {line.split()[0]} failed."


def test_a_missing_folder_is_told_in_exchanges_words(sim, context):
    with Wire(sim, context) as wire:
        wire.send(f"a AUTHENTICATE XOAUTH2 {blob(SALES, sim.new_token(SALES))}")
        assert wire.line() == "a OK AUTHENTICATE completed."
        wire.send('b SELECT "Gone"')
        assert wire.line() == "b NO Gone doesn't exist."
        wire.send('c APPEND "Gone" {3+}\r\nabc')
        assert wire.line() == "c NO [TRYCREATE] Folder is not found."


def test_app_only_tokens_open_any_mailbox(new_app, imap):
    app = new_app()
    token = app.acquire_token_for_client(["https://outlook.office365.com/.default"])
    client = imap()
    client.oauth2_login(PURCHASING, token["access_token"])
    assert client.list_folders()


def test_folders_change_under_the_client(sim, logged_in):
    client = logged_in()
    old = client.folder_status("Archive", ["UIDVALIDITY"])
    sim.tenant.rename_folder(SALES, "Archive", "Archive 2026")
    assert client.folder_status("Archive 2026", ["UIDVALIDITY"]) == old
    sim.tenant.create_folder(SALES, "Archive")
    made_anew = client.folder_status("Archive", ["UIDVALIDITY"])
    assert made_anew != old
    sim.tenant.delete_folder(SALES, "Archive")
    sim.tenant.create_folder(SALES, "Archive")
    assert client.folder_status("Archive", ["UIDVALIDITY"]) not in (old, made_anew)


def test_a_renamed_sent_folder_keeps_its_use(sim, logged_in):
    sim.tenant.rename_folder(SALES, "Sent Items", "Outgoing")
    assert roles(logged_in())[b"\\Sent"] == "Outgoing"


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda tenant: tenant.delete_folder(SALES, "Gone"), KeyError),
        (lambda tenant: tenant.rename_folder(SALES, "Gone", "New"), KeyError),
        (lambda tenant: tenant.rename_folder(SALES, "INBOX", "New"), KeyError),
        (lambda tenant: tenant.rename_folder(SALES, "Notes", "Drafts"), ValueError),
        (lambda tenant: tenant.create_folder(SALES, "Drafts"), ValueError),
        (lambda tenant: tenant.create_folder("nobody@contoso.test", "New"), KeyError),
    ],
    ids=["delete", "rename", "rename INBOX", "rename onto", "create", "no mailbox"],
)
def test_impossible_changes_raise(sim, act, error):
    with pytest.raises(error):
        act(sim.tenant)
