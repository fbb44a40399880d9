"""The pages of `web`, which a host has in common with all others: small, dark, by the keyboard."""

import pytest
from playwright.sync_api import expect

LOGIN, CALLBACK = "/mail/m365/login", "/mail/m365/callback"
PAGES = {
    "nobody": (f"{LOGIN}?ticket=m365:x", "You are not logged in to the ERP in this browser"),
    "no-state": (CALLBACK, "You are back from Microsoft"),
}


@pytest.mark.parametrize("name", PAGES)
def test_what_somebody_without_a_session_sees(person, name):
    address, title = PAGES[name]
    person.page.goto(person.demo.url + address)
    person.sees(title)
    person.look(f"routes-{name}", taken=False)


def test_an_address_that_was_opened_before(person):
    person.log_in()
    person.page.goto(f"{person.demo.url}{LOGIN}?ticket=m365:x")
    person.sees("This address does not work any more", "click Login again")
    person.look("routes-opened", taken=False)


def test_a_session_that_ended_at_microsoft_loses_no_sign_in(person):
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in()
    person.page.context.clear_cookies(name="erp_session")
    person.press("Yes")
    person.sees("Signed in with Microsoft", "Connected. sales@contoso.test is signed in.")
    assert "code=" not in person.page.url
    person.look("routes-connected", taken=False)
    # The way on is the one thing to reach, and it is reached without a mouse.
    person.page.keyboard.press("Tab")
    expect(person.page.get_by_role("link", name="Back to the ERP")).to_be_focused()
    person.page.keyboard.press("Enter")
    person.sees("Log in")


def test_a_refusal_is_explained_where_the_session_has_ended(person):
    person.log_in()
    person.add_account()
    person.press("Login")
    person.sign_in("purchasing@contoso.test")
    person.page.context.clear_cookies(name="erp_session")
    person.press("Yes")
    person.sees("Expected", "What to do", "Back to the ERP")
    person.look("routes-refused", taken=False)
