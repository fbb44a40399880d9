"""The help article's own words, in its order, where a person meets them on the way.

Two things are otherwise, and docs/tutorial.md says so: Generic accounts may stay until the new
account works, and Username may be left empty.
"""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

EXCHANGE = (
    "Exchange Admin Center",
    "Settings",
    "Mail flow",
    "Mail flow settings",
    "Turn off SMTP AUTH protocol for your organization",
    "leaves all other settings as is",
)
FIELDS = (
    ("Account name", "A memorable name"),
    ("Sender name", "Person sending (Worker)"),
    ("Sender email", "Person's email address"),
    ("Use OAuth", "Check this box"),
    ("Username", "Username for logging into Exchange. Probably the email address."),
)
FOLDERS = "Default Folder Mappings"


def in_order(text, words):
    """Return whether the words stand in the text one after the other."""
    place = 0
    for each in words:
        place = text.find(each, place)
        if place < 0:
            return False
        place += len(each)
    return True


def test_the_articles_words_stand_where_it_says(person):
    page = person.page
    person.log_in()
    # Go to Setup>Configuration>Email>Mail Accounts and delete the 'Generic Mail Accounts'
    person.open_accounts()
    person.sees("Generic Mail Accounts")
    # ... >Mail Accounts>Actions>New Microsoft 365 Account (Corporate)
    page.get_by_text("Actions", exact=True).click()
    page.get_by_role("link", name="New Microsoft 365 Account (Corporate)").first.click()
    # Configure 365 Exchange Admin: before anything is typed.
    page.get_by_label("Use OAuth").uncheck()
    shown = page.get_by_role("main").inner_text()
    assert in_order(shown, EXCHANGE), shown
    # Enter these details
    rest = shown.partition("leaves all other settings as is")[2]
    assert in_order(rest, [word for pair in FIELDS for word in pair]), rest
    values = ("Sales desk", "Sales Desk", "sales@contoso.test", None, "sales@contoso.test")
    for (label, _), value in zip(FIELDS, values, strict=True):
        field = page.get_by_label(label, exact=True)
        field.check() if value is None else field.fill(value)
    # Save your changes.
    person.press("Save")
    # Click the blue Login button.
    blue = page.locator(".primary")
    expect(blue).to_have_text("Login")
    assert blue.evaluate("each => getComputedStyle(each).backgroundColor") == "rgb(29, 95, 196)"
    blue.click()
    # Enter your password and Sign in. Click Yes to accept these terms.
    person.sign_in()
    person.press("Yes")
    # Now click 'Test Connection'.
    expect(blue).to_have_text("Test Connection")
    person.test_connection()
    # Edit the Microsoft 365 Account (Corporate) settings page.
    person.sees("Microsoft 365 Account (Corporate)", "Settings")
    expect(blue).to_have_text(FOLDERS)
    # Default Folder Mappings using the dropdowns select the folders you want to map.
    person.folders().get_by_label("Archive", exact=True).select_option("Archive")
    # Save your changes.
    person.save_folders()
    expect(blue).to_have_text("Remove the Generic account")
