"""The report of Test Connection in a browser: what is wrong, who acts, and how to tell them.

The green report, SMTP AUTH off and the wrong user are in test_article.py.
"""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

INFO, ORDERS, SALES = "info@contoso.test", "orders@contoso.test", "sales@contoso.test"
CLIPBOARD = "navigator.clipboard.readText()"


def report_of(person):
    return person.page.locator("#report")


def stage(person, protocol, label):
    column = person.page.get_by_role("region", name=protocol)
    return column.get_by_role("listitem").filter(has_text=label)


@pytest.fixture
def consent_needed(person, tenant):
    """Somebody whose account worked until an administrator took the consent back."""
    tenant.policies.token_lifetime = 60  # shorter than the vault's margin: renewed at every use
    person.connect()
    tenant.withdraw_consent()
    tenant.policies.admin_consent_required = True
    person.test_connection()
    return person


def test_consent_needed(consent_needed):
    person = consent_needed
    person.sees("Your permission for the ERP was withdrawn", "Sign-in needed")
    expect(stage(person, "Token", "permission")).to_contain_text("Failed")
    expect(report_of(person).locator("details.found")).not_to_have_attribute("open", "")
    person.look("report-consent-needed")


def test_the_administrator_consents_from_the_report_and_the_test_passes(consent_needed):
    person = consent_needed
    person.page.get_by_role("button", name="Consent as administrator").first.click()
    person.press("Use another account")
    person.sign_in("admin@contoso.test")
    person.press("Yes")
    # Back where they were, and nobody has to sign in again.
    person.sees("Microsoft's page reports the administrator's consent.")
    expect(person.page.get_by_role("heading", name="Sales desk")).to_contain_text("Connected")
    person.test_connection()
    expect(person.page.locator("#verdict")).to_have_text("Receiving and sending work.")


def test_a_shared_mailbox_without_send_as(person, tenant):
    tenant.policies.send_as_checked_at = "mail_from"
    person.log_in()
    person.add_account(ORDERS, SALES, "Orders (shared)")
    person.press("Login")
    person.sign_in()
    person.press("Yes")
    person.test_connection()
    facts = report_of(person).locator(".facts").first
    expect(facts).to_contain_text(f"Signs in{SALES}", use_inner_text=False)
    expect(facts).to_contain_text(ORDERS)
    expect(facts).to_contain_text("Shared mailbox")
    expect(stage(person, "Sending (SMTP)", f"Send as {ORDERS}")).to_contain_text("Failed")
    person.sees(f"Receiving works. Sending as {ORDERS} is not permitted.")
    person.look("report-send-as-missing")
    tenant.send_as.add((ORDERS, SALES))
    person.test_connection()
    expect(person.page.locator("#verdict")).to_have_text(
        f"Receiving works. Send as {ORDERS}: accepted, not proved."
    )


def test_a_shared_mailbox_without_full_access(person, tenant):
    tenant.full_access.discard((INFO, SALES))
    person.log_in()
    person.add_account(INFO, SALES, "Information (shared)")
    person.press("Login")
    person.sign_in()
    person.press("Yes")
    person.test_connection()
    person.sees(f"{SALES} may not open the mailbox {INFO}. Send as {INFO}: accepted, not proved.")
    expect(stage(person, "Receiving (IMAP)", "Open the mailbox")).to_contain_text("Failed")
    person.look("report-full-access-missing", taken=False)


def test_a_certificate_that_is_not_trusted(person, tenant):
    person.connect()
    tenant.policies.inspected = True
    person.test_connection()
    for protocol in ("Receiving (IMAP)", "Sending (SMTP)"):
        expect(stage(person, protocol, "Secure the connection")).to_contain_text("Failed")
    person.sees("The server's certificate is not trusted", "E-mail to the ERP administrator")
    person.look("report-certificate-wrong")


def test_the_letter_is_copied_with_the_keyboard(new_person, tenant):
    person = new_person(permissions=["clipboard-read", "clipboard-write"])
    page = person.page
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    page.get_by_text("E-mail to your Microsoft 365 administrator").focus()
    page.keyboard.press("Enter")
    person.look("report-letter", taken=False)
    page.get_by_role("button", name="Copy the text").focus()
    page.keyboard.press("Space")
    letter = page.locator(".letter")
    expect(letter.get_by_role("status").nth(1)).to_have_text("Copied")
    expect(page.get_by_role("button", name="Copied the text")).to_be_focused()
    text = page.evaluate(CLIPBOARD)
    for wanted in (
        "Turn off SMTP AUTH protocol",
        f"Set-CASMailbox -Identity '{SALES}' -SmtpClientAuthenticationDisabled $false",
        "535 5.7.139",
        person.demo.url,
    ):
        assert wanted in text
    mailto = letter.get_by_role("link", name="Open in the mail program").get_attribute("href")
    assert mailto.startswith("mailto:?subject=Microsoft%20365%20in%20the%20ERP")


def test_without_a_clipboard_the_text_is_marked(person, tenant):
    page = person.page
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    page.add_init_script("document.execCommand = () => false")
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    page.get_by_text("What an administrator does").filter(visible=True).first.click()
    page.get_by_role("button", name="Copy the command").first.click()
    expect(page.get_by_role("button", name="Press Ctrl+C")).to_be_visible()
    assert page.evaluate("String(getSelection())").startswith("Set-CASMailbox")


def test_a_screen_reader_hears_the_test_and_its_result(person):
    page = person.page
    person.connect()
    page.add_init_script("""
        sessionStorage.setItem("heard", sessionStorage.getItem("heard") || "");
        addEventListener("DOMContentLoaded", () => {
          const place = document.getElementById("progress");
          if (place) new MutationObserver(() => {
            sessionStorage.setItem("heard", sessionStorage.getItem("heard") + place.textContent);
          }).observe(place, {childList: true});
        });
    """)
    page.reload()
    person.test_connection()
    heard = page.evaluate("sessionStorage.getItem('heard')")
    assert heard.startswith("Testing the connection…")
    for words in ("Receiving (IMAP): Sign in…", "Sending (SMTP): Sign in…"):
        assert words in heard
    expect(page.locator("#verdict")).to_be_focused()
    page.reload()
    expect(page.locator("#verdict")).not_to_be_focused()


def test_on_paper_only_the_report_remains(person, tenant):
    page = person.page
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    page.emulate_media(media="print", color_scheme="dark")
    for gone in ("Log out", "Save", "Login", "Copy the command", "Print this report"):
        expect(page.get_by_role("button", name=gone)).to_have_count(0)
    expect(page.get_by_text("Recent activity")).to_be_hidden()
    expect(page.get_by_label("Account name")).to_be_hidden()
    expect(page.get_by_role("heading", name="Sales desk")).to_be_visible()
    person.sees("Receiving works.", "What to do", "Not tried", "Set-CASMailbox")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(0, 0, 0)"
    assert page.pdf().startswith(b"%PDF-")


def test_without_a_script_the_report_and_the_letter_are_there(new_person, tenant):
    person = new_person(java_script_enabled=False)
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    person.sees("Receiving works. Sending is switched off for your organization.")
    expect(person.page.get_by_role("button", name="Copy")).to_have_count(0)
    person.page.get_by_text("E-mail to your Microsoft 365 administrator").click()
    person.sees("Subject", "Open in the mail program", "What helps:")
