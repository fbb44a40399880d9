"""The e-mail to the administrator: whole, in plain text, and opened by a mail program."""

from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from salesorder_m365.plugin.findings.catalogue import codes, entries, finding
from salesorder_m365.plugin.findings.letter import LONGEST_MAILTO
from salesorder_m365.schemas.plain import from_plain, to_plain
from salesorder_m365.schemas.report import CONSENT_LABEL, Actor, Finding

VALUES = {
    "mailbox": "info@contoso.test",
    "username": "sales@contoso.test",
    "sender": "info@contoso.test",
    "client_id": "0a1b2c3d-0000-4000-8000-1234567890ab",
    "erp": "https://erp.contoso.test",
    "redirect_uri": "https://erp.contoso.test/mail/m365/callback",
}
CONSENT = "https://login.example.com/t/v2.0/adminconsent?client_id=c&scope=" + "s" * 200
ADMINISTRATORS = {Actor.M365_ADMIN, Actor.ERP_ADMIN}


def opened(mailto):
    """Return subject and body as a mail program reads them."""
    url = urlsplit(mailto)
    assert (url.scheme, url.path, url.fragment) == ("mailto", "", "")
    query = parse_qs(url.query, strict_parsing=True)
    assert query.keys() == {"subject", "body"}
    return query["subject"][0], query["body"][0]


@pytest.mark.parametrize("code", sorted(codes()))
def test_a_letter_is_there_where_an_administrator_must_act(code):
    entry = entries()[code]
    wanted = entry.actor in ADMINISTRATORS and entry.group != "health"
    assert (finding(code).letter is not None) == wanted


@pytest.mark.parametrize("code", sorted(c for c in codes() if finding(c).letter))
def test_the_letter_holds_all_that_the_administrator_needs(code):
    found = finding(code, server_words="No, again", references={"trace_id": "t-1"}, **VALUES)
    letter = found.letter
    assert found.title in letter.subject
    theirs = found.steps_of(*ADMINISTRATORS) or found.steps
    for text in (found.what, found.cause, *theirs, *found.commands, *found.links.values()):
        assert text in letter.text
    for text in ("No, again", "trace id: t-1", code, "sales@contoso.test", VALUES["client_id"]):
        assert text in letter.text


@pytest.mark.parametrize("code", sorted(c for c in codes() if finding(c).letter))
def test_the_letter_asks_its_reader_for_nothing_that_the_worker_does(code):
    found = finding(code, **VALUES)
    theirs = found.steps_of(*ADMINISTRATORS)
    assert found.letter.text.count("\n1. ") == 1
    if theirs:
        assert not any(step in found.letter.text for step in found.steps_of(Actor.WORKER))
    for words in ("Send your Microsoft 365 administrator", "give your Microsoft 365 administrator"):
        assert not theirs or words not in found.letter.text


@pytest.mark.parametrize("code", sorted(codes()))
def test_each_step_has_an_actor_and_the_findings_own_has_one(code):
    entry, found = entries()[code], finding(code)
    assert len(found.step_actors) == len(found.steps) == len(entry.steps)
    own = {Actor.WORKER} if entry.actor in {Actor.WORKER, Actor.NOBODY} else ADMINISTRATORS
    assert own & {*found.step_actors} or code.endswith("_unknown") or code == "sign_in_refused"


@pytest.mark.parametrize("code", sorted(codes()))
def test_a_step_that_names_the_administrator_is_the_administrators(code):
    found = finding(code)
    for step, actor in zip(found.steps, found.step_actors, strict=True):
        if step.startswith("The Microsoft 365 administrator"):
            assert actor is Actor.M365_ADMIN or found.actor is Actor.WORKER
        if step.startswith(("Then click", "Send your", "Give your")):
            assert actor is Actor.WORKER


def test_a_report_of_before_shows_all_its_steps():
    found = finding("administrator_needed", **VALUES)
    assert len(found.steps_of(Actor.WORKER)) < len(found.steps)
    assert replace(found, step_actors=()).steps_of(Actor.WORKER) == found.steps


def test_it_names_who_can_help():
    assert "our Microsoft 365 administrator" in finding("imap_disabled").letter.text
    assert "our ERP administrator" in finding("secret_expired").letter.text


def test_the_consent_link_comes_before_the_steps():
    letter = finding("administrator_needed", links={CONSENT_LABEL: CONSENT}, **VALUES).letter
    assert letter.text.index(CONSENT) < letter.text.index("What helps:")
    assert CONSENT in opened(letter.mailto)[1]


@pytest.mark.parametrize("code", sorted(c for c in codes() if finding(c).letter))
def test_a_mail_program_gets_it_whole_or_says_that_it_is_shortened(code):
    found = finding(code, links={CONSENT_LABEL: CONSENT}, **VALUES)
    letter = found.letter
    subject, body = opened(letter.mailto)
    assert len(letter.mailto) <= LONGEST_MAILTO
    assert subject == letter.subject
    body = body.replace("\r\n", "\n")
    assert body == letter.text or body.endswith("The ERP shows the whole text.)")
    assert found.what in body


def test_nothing_in_a_value_becomes_another_header_or_line():
    evil = "x@contoso.test?cc=all@contoso.test&body=b\r\nBcc: all@contoso.test"
    letter = finding("send_as_denied", username=evil, sender=evil).letter
    assert "\n" not in letter.subject
    assert "\nBcc" not in letter.text
    opened(letter.mailto)


def test_what_is_not_known_is_left_out():
    letter = finding("imap_disabled").letter
    assert "Signs in:" not in letter.text
    assert "a mail account," in letter.text


def test_it_crosses_the_border():
    found = finding("imap_disabled", **VALUES)
    assert from_plain(Finding, to_plain(found)) == found
