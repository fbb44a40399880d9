"""Generic accounts in the browser: made new, signed in, tested by the run, deleted, put back."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]


def test_from_the_list_to_the_replaced_account_and_back(person):
    page = person.page
    person.log_in()
    person.open_accounts()
    person.sees("6 accounts sign in with a password")
    person.follow("Look at them")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(4)
    person.look("generic")
    person.follow("Print the list")
    person.sees("No password is in this list.")
    person.look("generic-list", taken=False)
    page.go_back()

    person.press("Make the new accounts")
    person.sees("4 waiting: sign in to the new account and test it.")
    person.follow("Sales desk")
    person.press("Login")
    person.sign_in()
    person.press("Yes")
    person.sees("Connected. sales@contoso.test is signed in.")
    person.follow("Mail Accounts")
    person.follow("Look at them")
    person.press("Delete those that passed")
    person.sees("1 replaced", "3 waiting")
    replaced = page.get_by_role("region", name="Replaced", exact=True)
    expect(replaced.get_by_text("Connected", exact=True)).to_be_visible()
    person.look("generic-on-the-way")

    person.press("Delete without a test…")
    person.sees("the ERP can neither send nor read mail for")
    person.look("generic-delete", taken=False)
    person.follow("Keep them")
    page.get_by_label("Sales desk", exact=True).check()
    replaced.get_by_role("button", name="Put back…").click()
    person.sees("Put “Sales desk” back?")
    person.look("generic-restore", taken=False)
    page.get_by_label("Delete").check()
    person.press("Put back")
    person.sees("1 put back as before.", "To be replaced")
