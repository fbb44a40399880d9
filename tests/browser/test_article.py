"""The help article, walked by the labels that a person sees, and what to do where it ends badly."""

import json
import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PROTOCOLS = {"Receiving (IMAP)": 6, "Sending (SMTP)": 5}


def test_the_article_from_menu_to_mapped_folders(person, tenant):
    page = person.page
    person.log_in()
    person.open_accounts()
    person.sees("No Microsoft 365 accounts yet")
    page.get_by_text("Actions", exact=True).click()
    page.get_by_role("link", name="New Microsoft 365 Account (Corporate)").first.click()
    person.look("form")
    person.fill(Account_name="Sales desk", Sender_name="Sales Desk")
    person.fill(Sender_email="sales@contoso.test", Username="sales@contoso.test")
    page.get_by_label("Use OAuth").check()
    person.press("Save")
    person.sees("Saved. Now press Login", "Not signed in")
    expect(page.get_by_role("button", name="Test Connection")).to_be_disabled()

    person.press("Login")
    expect(page.get_by_label("Username")).to_have_value("sales@contoso.test")
    person.look("sign-in")
    person.sign_in()
    person.sees("Permissions requested")
    person.look("consent")
    person.press("Yes")
    person.sees("Connected. sales@contoso.test is signed in.")

    person.test_connection()
    for protocol, stages in PROTOCOLS.items():
        column = page.get_by_role("region", name=protocol)
        expect(column.get_by_role("listitem")).to_have_count(stages)
        expect(column.get_by_text("Passed", exact=True)).to_have_count(stages)
    person.look("report")
    shown = json.loads(page.evaluate("sessionStorage.getItem('seen')"))
    assert {"stage-running", "stage-passed"} <= {state.split()[0] for state in shown}

    person.follow("Default Folder Mappings")
    person.folders()
    expect(page.get_by_label("Sent", exact=True)).to_have_value("Sent Items")
    page.get_by_label("Archive", exact=True).select_option("Archive")
    page.get_by_label("Junk", exact=True).select_option(label="Not mapped")
    person.look("folders")
    person.save_folders()
    person.folders()
    expect(page.get_by_label("Inbox", exact=True)).to_have_value("INBOX")
    expect(page.get_by_label("Archive", exact=True)).to_have_value("Archive")
    expect(page.get_by_label("Junk", exact=True)).to_have_value("")
    expect(page.get_by_text("not saved yet")).to_have_count(0)
    person.sees("Signed in with Microsoft as sales@contoso.test")
    person.add_account("info@contoso.test", "sales@contoso.test", "Information (shared)")
    person.open_accounts()
    person.sees("Sales desk", "Connected", "Passed", "Not tested")
    person.look("list")


def test_form_errors_stand_at_their_fields(person):
    person.log_in()
    person.open_accounts()
    person.page.get_by_text("Actions", exact=True).click()
    person.page.get_by_role("link", name="New Microsoft 365 Account (Corporate)").first.click()
    person.fill(Account_name="Sales desk", Sender_email="sales@contoso")
    person.page.get_by_label("Use OAuth").uncheck()
    person.press("Save")
    person.sees("Nothing was saved.", "Microsoft 365 takes no passwords")
    expect(person.page.get_by_label("Account name")).to_have_value("Sales desk")
    expect(person.page.get_by_label("Sender email")).to_have_attribute("aria-invalid", "true")
    expect(person.page.get_by_label("Sender name")).to_have_attribute("aria-invalid", "true")
    person.look("form-errors")


def test_smtp_auth_off_names_the_switch_and_gives_the_command(new_person, tenant):
    person = new_person(permissions=["clipboard-read", "clipboard-write"])
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    sending = person.page.get_by_role("region", name="Sending (SMTP)")
    expect(sending.get_by_text("Failed", exact=True)).to_have_count(1)
    expect(sending.get_by_text("Not tried", exact=True)).to_have_count(1)
    expect(
        person.page.get_by_role("region", name="Receiving (IMAP)").get_by_text("Passed", exact=True)
    ).to_have_count(PROTOCOLS["Receiving (IMAP)"])
    person.sees("Turn off SMTP AUTH protocol for your organization")
    person.sees("Your Microsoft 365 administrator must act", "The server said")
    person.look("report-smtp-auth-off")
    person.page.get_by_text("What an administrator does").filter(visible=True).first.click()
    copied = person.page.get_by_role("button", name="Copy the command").first
    copied.click()
    person.sees("Copied")
    assert "-SmtpClientAuthenticationDisabled" in person.page.evaluate(
        "navigator.clipboard.readText()"
    )
    tenant.policies.smtp_auth_disabled = False
    person.test_connection()
    expect(person.page.locator("#report").get_by_text("Failed", exact=True)).to_have_count(0)


def test_an_administrator_consents_here_and_then_it_works(person, tenant):
    tenant.policies.admin_consent_required = True
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in()
    person.press("Return to the application")
    person.sees("Your Microsoft 365 administrator must act", "Correlation id")
    person.sees("E-mail to your Microsoft 365 administrator")
    person.look("administrator-needed")
    person.press("Consent as administrator")
    if person.page.get_by_role("button", name="Use another account").count():
        person.press("Use another account")
    person.sign_in("admin@contoso.test")
    person.sees("everybody in Contoso")
    person.press("Yes")
    person.sees("Microsoft's page reports the administrator's consent.")
    person.press("Login")
    person.page.get_by_role("button", name="sales@contoso.test").click()
    person.sees("Connected. sales@contoso.test is signed in.")
    person.test_connection()
    expect(person.page.locator("#report").get_by_text("Failed", exact=True)).to_have_count(0)


def test_an_administrator_elsewhere_consents_by_the_link(new_person, person, tenant):
    tenant.policies.admin_consent_required = True
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in()
    person.press("Return to the application")
    link = person.page.locator("code.copied-text").filter(has_text="adminconsent").text_content()
    administrator = new_person()
    administrator.page.goto(link)
    administrator.sign_in("admin@contoso.test")
    administrator.press("Yes")
    administrator.sees("You are back from Microsoft")
    administrator.look("returned", taken=False)
    person.follow("Back to the account")
    person.press("Login")
    person.page.get_by_role("button", name="sales@contoso.test").click()
    person.sees("Connected. sales@contoso.test is signed in.")


def test_signed_in_as_someone_else_stores_nothing(person):
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in("purchasing@contoso.test")
    person.press("Yes")
    expect(person.page.get_by_role("definition").filter(has_text="purchasing@")).to_be_visible()
    expect(person.page.get_by_role("definition").filter(has_text="sales@")).to_be_visible()
    person.look("report-wrong-user")
    person.follow("Back to the account")
    person.sees("Not signed in", "Sign-in failed")


def test_a_declined_consent_can_be_tried_again(person):
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in()
    person.press("No")
    person.sees("What to do")
    person.look("declined", taken=False)
    person.press("Login again")
    person.page.get_by_role("button", name="sales@contoso.test").click()
    person.press("Yes")
    person.sees("Connected. sales@contoso.test is signed in.")


def test_a_revoked_grant_asks_for_a_new_sign_in(person, tenant):
    # Shorter than the vault's margin: every use renews the token.
    tenant.policies.token_lifetime = 60
    person.connect()
    tenant.revoke_grants("sales@contoso.test")
    person.test_connection()
    expect(person.page.get_by_role("heading", name="Sales desk")).to_contain_text("Sign-in needed")
    person.sees("What to do")
    person.look("sign-in-needed", taken=False)
    person.press("Login")
    person.page.get_by_role("button", name="sales@contoso.test").click()
    person.sees("Connected. sales@contoso.test is signed in.")
    person.test_connection()
    expect(person.page.locator("#report").get_by_text("Failed", exact=True)).to_have_count(0)


def test_a_renamed_folder_is_noticed_and_repaired(person, tenant):
    page = person.page
    person.connect()
    person.folders()
    page.get_by_label("Archive", exact=True).select_option("Archive")
    person.save_folders()
    tenant.rename_folder("sales@contoso.test", "Archive", "Old mail")
    page.reload()
    person.folders()
    archive = page.get_by_label("Archive", exact=True)
    expect(archive).to_have_value("Old mail")
    expect(archive).to_have_accessible_description(re.compile("Old mail"))
    person.look("folder-renamed", taken=False)
    person.save_folders()
    person.folders()
    expect(page.locator(".warning")).to_have_count(0)


def test_another_window_notices_that_the_sign_in_has_ended(person):
    person.log_in()
    person.add_account()
    other = person.page.context.new_page()
    account = person.page.url
    person.press("Login")
    other.goto(account)
    expect(other.get_by_text("A sign-in for this account was begun")).to_be_visible()
    person.sign_in()
    person.press("Yes")
    person.sees("Connected.")
    expect(other.get_by_role("heading", name="Sales desk")).to_contain_text("Connected")


def test_everything_works_without_a_script(new_person):
    person = new_person(java_script_enabled=False)
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in()
    person.press("Yes")
    person.sees("Connected.")
    person.test_connection()
    expect(person.page.get_by_text("Passed", exact=True)).not_to_have_count(0)
    expect(person.page.get_by_text("Failed", exact=True)).to_have_count(0)


def test_the_action_is_reached_by_keyboard_and_focus_shows(person):
    page = person.page
    person.log_in()
    person.open_accounts()
    page.get_by_text("Actions", exact=True).focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Actions", exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    link = page.get_by_role("link", name="New Microsoft 365 Account (Corporate)").first
    expect(link).to_be_focused()
    assert link.evaluate("link => getComputedStyle(link).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.get_by_label("Account name")).to_be_visible()


def test_a_worker_without_permission_sees_why(person):
    person.log_in("sales")
    person.page.goto(person.demo.url + "/setup/configuration/email/mail-accounts")
    person.sees("You may not do this", "mail_accounts.view")
    person.look("not-allowed", taken=False)


def test_deleting_asks_first(person):
    person.log_in()
    person.add_account()
    person.follow("Delete")
    person.sees("Delete “Sales desk”?")
    person.look("delete", taken=False)
    person.press("Delete")
    person.sees("Sales desk is deleted.", "No Microsoft 365 accounts yet")
