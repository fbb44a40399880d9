"""Every button pressed twice, a connection lost in between, and the reader's own clock."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

PASSED = "Receiving and sending work"


def test_every_button_may_be_pressed_twice(person):
    page = person.page
    person.log_in()
    person.add_account()
    form = page.url
    for _ in range(2):
        page.get_by_role("region", name="Settings").get_by_role("button", name="Save").click()
        person.sees("Saved.")
    for consents in (True, False):
        person.press("Login")
        if consents:
            person.sign_in()
            person.press("Yes")
        else:
            page.get_by_role("button", name="sales@contoso.test").click()
        person.sees("Connected. sales@contoso.test is signed in.")
    for _ in range(2):
        person.test_connection()
        expect(page.locator("#verdict")).to_contain_text(PASSED)
    for _ in range(2):
        person.folders()
        person.save_folders()
    late = page.context.new_page()
    late.goto(form)
    for each in (page, late):
        # The second was loaded while the account was connected: its press comes late.
        each.get_by_role("button", name="Disconnect").click()
        expect(each.get_by_text("Disconnected.").first).to_be_visible()
    person.follow("Delete")
    late = page.context.new_page()
    late.goto(page.url)
    person.press("Delete")
    person.sees("Sales desk is deleted.")
    late.get_by_role("button", name="Delete", exact=True).click()
    expect(late.get_by_text("is deleted.")).to_be_visible()


def test_a_connection_that_is_lost_during_the_test_is_said_on_the_page(person, tenant):
    page = person.page
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    expect(page.locator("#connection").get_by_text("Failed", exact=True).first).to_be_visible()
    page.route("**/test", lambda route: route.abort())
    person.press("Test Connection")
    person.sees("The connection to the ERP was lost during the test.")
    expect(page.get_by_role("button", name="Test Connection")).to_be_enabled()
    person.look("connection-lost", taken=False)
    page.unroute("**/test")
    tenant.policies.smtp_auth_disabled = False
    person.test_connection()
    expect(page.locator("#verdict")).to_contain_text(PASSED)


def test_nothing_of_an_earlier_test_stands_beside_a_running_one(person, tenant):
    page = person.page
    person.connect()
    tenant.policies.smtp_auth_disabled = True
    person.test_connection()
    page.add_init_script("""
        const old = () => [...document.querySelectorAll(".badge-bad, .card-bad, .found")]
          .some((each) => each.checkVisibility());
        new MutationObserver(() => {
          const live = document.getElementById("live");
          if (document.body?.classList.contains("testing") && live && !live.hidden)
            sessionStorage.setItem("beside", String(old()));
        }).observe(document, {subtree: true, childList: true, attributes: true});
    """)
    page.reload()
    person.test_connection()
    assert page.evaluate("sessionStorage.getItem('beside')") == "false"


def test_times_are_told_by_the_readers_clock(new_person):
    person = new_person(timezone_id="Asia/Tokyo")
    person.log_in()
    person.add_account()
    moment = person.page.locator("time").first
    expect(moment).to_contain_text("GMT+9")
    assert moment.get_attribute("datetime").endswith("+00:00")


def test_the_status_page_and_the_generic_accounts_pages(person):
    page = person.page
    person.log_in()
    person.open_accounts()
    person.look("list-empty", taken=False)
    page.get_by_text("Actions", exact=True).click()
    person.follow("Status of mail accounts")
    person.sees("Status of mail accounts")
    person.look("status", taken=False)
    person.open_accounts()
    person.follow("Look at them")
    person.follow("Edit Newsletter 2019")
    person.look("generic-edit", taken=False)
    person.fill(Account_name="")
    person.press("Save")
    expect(page).to_have_title("Error: Edit Newsletter 2019 · Reference ERP")
    person.look("generic-edit-wrong", taken=False)
    person.follow("Cancel")
    person.follow("Delete Newsletter 2019")
    person.look("generic-account-delete", taken=False)
    person.press("Delete")
    person.sees("Newsletter 2019 is deleted.")
