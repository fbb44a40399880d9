"""A quote by e-mail: sent and seen to arrive; held by a paused account, mended, and gone."""

from email import message_from_bytes, policy

import pytest
from playwright.sync_api import expect
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

BUYER = "info@contoso.test"
NUMBER = "Q-2026-0117"


def open_quote(person):
    person.page.get_by_role("navigation", name="Main").get_by_role("link", name="Quotes").click()
    person.follow(NUMBER)


def arrived(tenant):
    """Return the quotes in the buyer's mailbox at the simulator."""
    mails = (
        message_from_bytes(each, policy=policy.default)
        for each in tenant.messages(BUYER)
        if NUMBER.encode() in each
    )
    return list(mails)


def badge(person, text):
    return person.page.get_by_role("heading", level=1).get_by_text(text, exact=True)


def test_a_quote_is_previewed_sent_and_arrives(person, tenant):
    page = person.page
    person.log_in()
    open_quote(person)
    person.sees("This quote has not been sent yet.")
    person.look("quote-new", taken=False)
    person.follow("Send by e-mail")
    person.sees("No account to send from")
    person.look("quote-no-account", taken=False)
    person.add_account()
    person.press("Login")
    person.sign_in()
    person.press("Yes")
    person.sees("Connected.", "No mail waits.")
    person.follow("Outbox")
    person.sees("Nothing was sent yet")
    person.look("outbox-empty", taken=False)

    open_quote(person)
    person.follow("Send by e-mail")
    person.fill(To="info@contoso")
    person.press("Preview")
    expect(page).to_have_title(f"Error: Send {NUMBER} by e-mail · Reference ERP")
    expect(page.get_by_label("To", exact=True)).to_have_attribute("aria-invalid", "true")
    person.look("quote-mail-wrong", taken=False)
    person.fill(To=BUYER)
    # Return in a field previews: nothing is sent by accident.
    page.get_by_label("Subject", exact=True).press("Enter")
    person.sees("Nothing was sent yet.", f"{NUMBER}.pdf", "At once, by SMTP")
    assert arrived(tenant) == []
    person.look("quote-preview", taken=False)
    # Twice, as many people press: one mail.
    page.get_by_role("button", name="Send", exact=True).dblclick()
    expect(badge(person, "Sent")).to_be_visible()
    person.sees("Taken by the mail server", "by Administrator", f"quote {NUMBER}")
    person.look("mail-sent", taken=False)
    (mail,) = arrived(tenant)
    (attached,) = mail.iter_attachments()
    assert attached.get_filename() == f"{NUMBER}.pdf"
    assert attached.get_content().startswith(b"%PDF-")

    open_quote(person)
    expect(
        page.get_by_role("table", name="Mails with this quote").locator("tbody tr")
    ).to_have_count(1)
    person.look("quote-sent", taken=False)


def test_a_paused_account_is_mended_and_its_mail_leaves_by_itself(person, tenant):
    page = person.page
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    open_quote(person)
    person.follow("Send by e-mail")
    person.fill(To=BUYER)
    person.press("Send")
    person.sees("Queued.", "The account is paused.")
    expect(page.get_by_role("region", name="What is in the way")).to_contain_text("switched off")
    person.look("mail-paused")
    person.follow("Sales desk, outbox")
    person.sees("The account is paused: no mail leaves, and what waits is not lost.")
    person.look("outbox-paused", taken=False)
    person.follow("account's page")
    person.sees("Paused: nothing leaves.", "1 mail is not settled yet.")
    person.look("account-paused", taken=False)
    person.follow("Delete")
    person.sees("1 mail is not settled.", "is taken back and not sent")
    person.look("delete-waiting", taken=False)
    person.follow("Keep it")
    waiting = page.context.new_page()
    waiting.goto(page.url + "/outbox")
    row = waiting.get_by_role("row").filter(has_text=NUMBER)
    expect(row).to_contain_text("Waiting")
    assert arrived(tenant) == []

    tenant.policies.smtp_auth_disabled = False
    person.test_connection()
    expect(page.locator("#verdict")).to_have_text("Receiving and sending work.")
    # The other window shows it without being touched.
    expect(row).to_contain_text("Sent")
    assert len(arrived(tenant)) == 1
    page.reload()
    person.sees("No mail waits.")


def test_a_decision_pressed_twice_is_answered_twice_and_done_once(person, tenant):
    page = person.page
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    open_quote(person)
    person.follow("Send by e-mail")
    person.fill(To=BUYER)
    person.press("Send")
    person.sees("Queued.")
    # Neither page looks again by itself: each press is one on what was there before.
    page.context.route("**/state", lambda route: route.abort())
    page.reload()
    late = page.context.new_page()
    late.goto(page.url)
    for each in (page, late):
        each.bring_to_front()
        each.get_by_role("button", name="Try now").click()
        expect(each.get_by_text("It is tried as soon as the account may send.")).to_be_visible()
    page.get_by_role("button", name="Take back").click()
    expect(badge(person, "Taken back")).to_be_visible()
    expect(page.get_by_role("region", name="What is in the way")).to_have_count(0)
    late.get_by_role("button", name="Take back").click()
    expect(
        late.get_by_text("Nothing was done: the state of this mail is “taken back” now.")
    ).to_be_visible()
    person.look("mail-taken-back", taken=False)
    assert arrived(tenant) == []


def test_a_mail_whose_reply_was_lost_is_decided_by_a_person(person, demo, tenant):
    page = person.page
    person.connect()
    # Carried out, and no copy in Sent Items: nothing but a person knows.
    tenant.policies.sent_copy = "none"
    demo.simulator.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    open_quote(person)
    person.follow("Send by e-mail")
    person.fill(To=BUYER)
    person.press("Send")
    expect(badge(person, "Uncertain")).to_be_visible()
    person.sees("the server's reply was lost", "The recipient may get it twice.")
    person.look("mail-uncertain", taken=False)
    assert len(arrived(tenant)) == 1
    page.get_by_role("button", name="It arrived").focus()
    page.keyboard.press("Enter")
    expect(badge(person, "Sent")).to_be_visible()
    person.sees("It counts as sent.", "Administrator says that it arrived")
    assert len(arrived(tenant)) == 1


def test_a_test_mail_to_oneself_shows_what_test_connection_cannot(person):
    page = person.page
    person.connect()
    person.press("Send a test mail to myself")
    person.sees("The mail was sent, a copy of it was filed, and it arrived.")
    person.look("test-mail", taken=False)
    person.follow("Back to the account")
    person.sees("Not tested yet.")

    # Sales may open this mailbox and not send as it, which Exchange says after the mail only.
    person.add_account("orders@contoso.test", "sales@contoso.test", "Orders (shared)")
    person.press("Login")
    page.get_by_role("button", name="sales@contoso.test").click()
    person.sees("Connected.")
    person.test_connection()
    expect(page.locator("#verdict")).to_contain_text("accepted, not proved")
    person.press("Send a test mail to myself")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Failed")
    expect(page.get_by_role("region", name="What is wrong")).to_contain_text("Send as")
    person.look("test-mail-failed", taken=False)
