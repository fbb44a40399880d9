"""The report on the account's page: verdict, identities, and what goes to the administrator."""

import html
import re
from dataclasses import replace

import pytest
from salesorder_m365.demo.pages.menus import account_path
from salesorder_m365.schemas.report import CONSENT_LABEL, Actor, Letter

PAGE = account_path("m365:7")
CONSENT = "https://login.example.com/adminconsent?client_id=c&scope=s"
LETTER = Letter(
    subject="Please <b>help",
    text="Hello,\n\nplease run Set-CASMailbox.",
    mailto="mailto:?subject=Please&body=Hello",
)


@pytest.fixture
def shown(admin, mail):
    """Return a function that gives the page with a report; keywords change it."""

    def draw(broken=None, *, finding=None, **changes):
        report = replace(mail.new_report(broken), **changes)
        if finding:
            report = replace(report, findings=(finding,))
        mail.view = mail.new_view("connected", report=report)
        return admin.get(PAGE)

    return draw


@pytest.mark.parametrize(
    ("broken", "verdict"),
    [
        (None, "Receiving and sending work."),
        (("smtp", 3), "Receiving works. Sending is switched off in your organization."),
        (("imap", 0), "Sending works. Sending is switched off in your organization."),
    ],
    ids=["green", "smtp", "imap"],
)
def test_the_verdict_says_what_works_and_why_the_rest_does_not(shown, broken, verdict):
    page = shown(broken)
    assert f'id="verdict" tabindex="-1">{verdict}</p>' in page.text


def test_a_shared_mailbox_shows_both_identities(shown, text_of):
    text = text_of(shown(mailbox="info@contoso.test", sender="info@contoso.test"))
    assert "Signs in sales@contoso.test" in text
    assert "Mailbox info@contoso.test Shared mailbox" in text
    assert "Sends as info@contoso.test" in text
    assert "Shared mailbox" not in text_of(shown())


def test_the_stages_come_before_what_to_do(shown):
    page = shown(("smtp", 3)).text
    assert page.index('class="protocols"', page.index('id="report"')) < page.index('class="found"')


def test_the_letter_can_be_copied_and_opened_without_a_script(shown, mail, text_of):
    page = shown(("smtp", 3), finding=mail.new_finding(letter=LETTER))
    assert "E-mail to your Microsoft 365 administrator" in text_of(page)
    assert f'href="{html.escape(LETTER.mailto)}"' in page.text
    assert "Please &lt;b&gt;help" in page.text
    assert LETTER.text in html.unescape(page.text)
    # Copy buttons come with the script; the texts are there without it.
    buttons = re.findall(r"<button[^>]*data-copy[^>]*>", page.text)
    assert len(buttons) == 3
    assert all(" hidden" in button for button in buttons)


def test_a_letter_that_is_no_mail_address_is_no_link(shown, mail):
    evil = replace(LETTER, mailto="javascript:alert(1)")
    assert "javascript:" not in shown(("smtp", 3), finding=mail.new_finding(letter=evil)).text


def test_without_an_administrator_there_is_no_letter(shown, mail, text_of):
    found = mail.new_finding(actor=Actor.WORKER)
    assert "E-mail to" not in text_of(shown(("smtp", 3), finding=found))


def test_where_consent_helps_the_report_leads_to_it(shown, mail, admin):
    found = mail.new_finding(links={CONSENT_LABEL: CONSENT, "Other": "https://example.com/?a=b"})
    page = shown(("token", 0), finding=found).text
    assert f'<code class="copied-text">{html.escape(CONSENT)}</code>' in page
    assert f'href="{html.escape(CONSENT)}"' not in page
    assert 'href="https://example.com/?a=b"' in page
    assert f'action="{PAGE}/consent"' in page
    assert "adminconsent" in admin.leave(PAGE, PAGE + "/consent").headers["location"]


def test_elsewhere_nobody_is_asked_for_consent(shown):
    assert "/consent" not in shown(("smtp", 3)).text


def test_what_the_top_explains_stays_closed_in_the_report(admin, mail):
    report = mail.new_report(("smtp", 3))
    mail.view = mail.new_view("sign_in_needed", report=report, finding=report.findings[0])
    assert '<details class="found"><summary>' in admin.get(PAGE).text
    mail.view = replace(mail.view, finding=mail.new_finding(code="another"))
    assert '<details class="found" open><summary>' in admin.get(PAGE).text


def test_a_command_breaks_between_words_only(shown, mail):
    found = mail.new_finding(commands=("Set-CASMailbox -Identity 'a<b' -ImapEnabled $true",))
    page = shown(("smtp", 3), finding=found).text
    assert (
        '<span class="word">Set-CASMailbox</span> <span class="word">-Identity</span>'
        ' <span class="word">&#39;a&lt;b&#39;</span> <span class="word">-ImapEnabled</span>'
        ' <span class="word">$true</span></code>'
    ) in page


def test_there_is_a_place_for_a_screen_reader_before_the_test_begins(admin, mail):
    mail.view = mail.new_view("connected")
    page = admin.get(PAGE).text
    place = page.index('<p class="unseen" id="progress" role="status"></p>')
    assert place < page.index('id="live" hidden')
