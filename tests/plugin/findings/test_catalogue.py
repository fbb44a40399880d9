"""The texts: complete, plain, filled in, and safe to paste."""

import subprocess
import sys
import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.plugin.findings.catalogue import (
    codes,
    entries,
    finding,
    places,
    powershell_quoted,
    text,
)
from salesorder_m365.plugin.findings.catalogue import texts as known_texts
from salesorder_m365.schemas.report import Actor

#: Every value that anybody gives; a text that names another one stays half empty for ever.
KNOWN = {
    "mailbox": "info@contoso.test",
    "username": "sales@contoso.test",
    "sender": "info@contoso.test",
    "expected": "sales@contoso.test",
    "signed_in": "purchasing@contoso.test",
    "redirect_uri": "https://erp.contoso.test/mail/m365/callback",
    "client_id": "0a1b2c3d-0000-4000-8000-1234567890ab",
    "host": "outlook.office365.com",
    "port": "993",
    "authority": "https://login.microsoftonline.com/contoso.test",
    "seconds": "20",
    "scopes": "SMTP.Send",
    "credential": "client secret",
    "expires": "2026-12-31",
    "keys": "k1, k2",
    "accounts": "Sales, Purchasing",
    "problems": "SALESORDER_M365_TENANT: This setting is missing.",
    "names": "SALESORDER_M365_TENANT",
    "stored": "Sales",
    "domain": "gmail.com",
    "typed": "Sales 2",
    "name": "contoso",
    "argument": "request_id",
    "problem": "must have 1 to 200 characters",
    "permission": "mail_accounts.view",
    "reason": "connection refused",
    "schema": "0009",
    "known": "0003",
    "key": "k1",
    "place": "m365_grant.access_token",
    "file": "/etc/erp/m365.ini",
    "service_principal": "5e2c41d0-a97b-4f3c-8a6e-0d1b2c3f4a59",
}


def texts(entry):
    return (entry.title, entry.what, entry.cause, *entry.steps, *entry.commands)


def open_places(entry):
    return set().union(*map(places, texts(entry)))


def test_no_code_stands_twice():
    text = resources.files("salesorder_m365.plugin.findings").joinpath("catalogue.toml")
    groups = tomllib.loads(text.read_text(encoding="utf-8"))
    del groups["text"]
    assert sum(len(members) for members in groups.values()) == len(codes())


@pytest.mark.parametrize("code", sorted(codes()))
def test_entry_is_whole(code):
    entry = entries()[code]
    assert open_places(entry) <= KNOWN.keys()
    assert entry.title
    assert not entry.title.endswith(".")
    assert entry.what.endswith((".", "{redirect_uri}"))
    assert entry.cause.endswith(".")
    assert entry.steps
    assert all(url.startswith("https://") for url in entry.links.values())
    # Who must wait is told that trying again helps; else somebody has something to do.
    assert entry.retry or entry.actor is not Actor.NOBODY
    if entry.commands:
        assert entry.actor is Actor.M365_ADMIN
        assert any("below" in step and "PowerShell" in step for step in entry.steps)


@pytest.mark.parametrize("code", sorted(codes()))
def test_the_way_through_the_admin_centers_is_todays_and_the_articles(code):
    entry = entries()[code]
    steps = " ".join(entry.steps)
    if "Turn off SMTP AUTH protocol" in steps:
        assert "Exchange admin center (https://admin.exchange.microsoft.com) > Settings" in steps
        assert "in the ERP's help article: Settings > Mail flow > Mail flow settings" in steps
    if entry.actor is Actor.M365_ADMIN and not code.endswith("_unknown"):
        assert entry.links or entry.commands
    for center in ("entra.microsoft.com", "admin.exchange.microsoft.com"):
        if center in steps and entry.actor is Actor.M365_ADMIN:
            assert f"https://{center}/" in entry.links.values()
    # A command that names nobody could be meant for anybody.
    assert all("{" in command for command in entry.commands)


@pytest.mark.parametrize("code", sorted(codes()))
def test_everything_known_is_filled_in(code):
    found = finding(code, **KNOWN)
    assert found.code == code
    assert not any(mark in text for text in texts(found) for mark in "{}<")


@pytest.mark.parametrize("code", sorted(codes()))
def test_what_is_not_known_is_called_by_what_it_is(code):
    found, entry = finding(code), entries()[code]
    assert found.commands == tuple(each for each in entry.commands if not places(each))
    shown = (found.title, found.what, found.cause, *found.steps)
    assert not any(mark in text for text in shown for mark in "{}<")
    for name in open_places(entry) - set().union(*map(places, entry.commands)):
        assert any(words_for(name) in text for text in shown)


def words_for(name):
    return known_texts()[f"not_known.{name}"]


def test_every_value_has_words_for_when_it_is_not_known_and_none_is_left_over():
    named = set().union(*map(open_places, entries().values()))
    named |= set().union(*map(places, known_texts().values()))
    prefix = "not_known."
    assert {n.removeprefix(prefix) for n in known_texts() if n.startswith(prefix)} == named


def test_a_text_that_is_no_finding_is_filled_in_too():
    assert text("login.connected", signed_in="sales@contoso.test") == (
        "Connected. sales@contoso.test is signed in. Now press Test Connection."
    )
    assert text("login.connected").startswith("Connected. somebody else")


def test_a_code_of_another_version_is_unknown():
    found = finding("from_the_future", server_words="well")
    assert found.code == "from_the_future"
    assert found.title == finding("unknown").title
    assert found.server_words == "well"


def test_empty_value_counts_as_not_known():
    assert finding("imap_refused", mailbox="") == finding("imap_refused")
    assert finding("imap_refused").what != finding("imap_refused", mailbox="a@b.test").what


def test_server_words_and_references_are_redacted():
    found = finding(
        "sign_in_refused",
        server_words="line\r\n Bearer abcdef",
        references={"trace_id": "a\u202eb"},
        links={"Help": "https://contoso.test/"},
    )
    assert found.server_words == "line [removed]"
    assert found.references == {"trace_id": "ab"}
    assert found.links.keys() == {"Help", "Microsoft's list of sign-in errors"}


def test_values_become_one_printable_line():
    found = finding("wrong_user", signed_in="a\r\nb\u202e@contoso.test", expected="{username}")
    assert "a b@contoso.test" in found.what
    assert "{username}" in found.what


@pytest.mark.parametrize("quote", "'\u2018\u2019\u201a\u201b")
def test_an_apostrophe_does_not_end_the_string(quote):
    found = finding("imap_refused", mailbox=f"o{quote}brien@contoso.test; Remove-Mailbox x")
    assert found.commands[0] == (
        f"Set-CASMailbox -Identity 'o{quote}{quote}brien@contoso.test; Remove-Mailbox x'"
        " -ImapEnabled $true"
    )


def powershell_string(text: str) -> tuple[str, str]:
    """Read a single-quoted string as PowerShell does; return its value and what follows."""
    quotes = "'\u2018\u2019\u201a\u201b"
    assert text[0] in quotes
    value, place = "", 1
    while place < len(text):
        if text[place] in quotes:
            if text[place + 1 : place + 2] not in (*quotes,):
                return value, text[place + 1 :]
            place += 1
        value += text[place]
        place += 1
    raise AssertionError("The string does not end.")


@given(st.text())
def test_any_value_stays_inside_its_string(value):
    assert powershell_string(powershell_quoted(value)) == (value, "")


@given(st.text())
def test_any_value_stays_on_its_line(value):
    known = {"sender": f"{value}@contoso.test", "username": value + "."}
    [command] = finding("send_as_denied", **known).commands
    assert len(command.splitlines()) == 1


def test_commands_quote_every_value():
    for code, entry in entries().items():
        for command in entry.commands:
            assert "'" not in command, code
            assert '"' not in command, code


def test_texts_are_read_at_first_use_only():
    program = (
        "import sys, salesorder_m365.plugin.findings.catalogue as c;"
        "assert c.entries.cache_info().currsize == 0;"
        "assert not {'msal', 'imapclient', 'requests', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
