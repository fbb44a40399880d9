"""To Microsoft and back, as the host sees it."""

import pytest
from salesorder_m365.demo.pages.menus import account_path
from salesorder_m365.demo.pages.sign_in import BROWSER_COOKIE, OUTCOME, RETURNED
from salesorder_m365.schemas.report import CONSENT_LABEL, Actor

PAGE = account_path("m365:7")
CALLBACK = "/mail/m365/callback"
CONSENT = "https://login.example.com/adminconsent?client_id=c&scope=s"


def come_back(browser, **options):
    query = {"state": "s", "code": "c", "error_uri": "https://elsewhere.example.com"}
    return browser.get(CALLBACK, params=query, allow_redirects=False, **options)


def test_login_binds_the_browser_and_leaves_with_303(admin, mail):
    left = admin.post_form(PAGE, PAGE + "/login")
    assert (left.status_code, left.headers["location"][:26]) == (303, "https://login.example.com/")
    assert left.headers["referrer-policy"] == "no-referrer"
    assert left.headers["cache-control"] == "no-store"
    begun = mail.called("login")
    assert begun["return_to"] == PAGE
    cookie = left.headers["set-cookie"]
    assert f"{BROWSER_COOKIE}={begun['browser']}" in cookie
    assert "SameSite=lax" in cookie
    assert f"Path={CALLBACK}" in cookie


def test_the_callback_hands_on_the_query_and_the_browser(admin, mail):
    admin.post_form(PAGE, PAGE + "/login")
    mail.outcome = mail.new_outcome("connected", message="Connected.")
    back = come_back(admin)
    assert (back.status_code, back.headers["location"]) == (303, mail.outcome.next_url)
    assert back.headers["referrer-policy"] == "no-referrer"
    came = mail.called("callback")
    assert came["query"]["code"] == "c"
    assert came["browser"] == mail.called("login")["browser"]


def test_a_fine_outcome_is_told_on_the_accounts_page(admin, mail, text_of):
    mail.outcome = mail.new_outcome("connected", message="Connected. Now press Test Connection.")
    come_back(admin)
    assert "Connected. Now press Test Connection." in text_of(admin.get(PAGE))


@pytest.mark.parametrize(
    "code", ["declined", "wrong_user", "administrator_needed", "expired", "refused", "unavailable"]
)
def test_other_outcomes_have_a_page_that_survives_a_reload(admin, mail, text_of, code):
    mail.outcome = mail.new_outcome(code, finding=mail.new_finding(title="What it was"))
    assert come_back(admin).headers["location"] == OUTCOME
    for _ in range(2):
        text = text_of(admin.get(OUTCOME))
        assert "What it was" in text
        assert "What to do" in text


def test_someone_else_is_named_beside_who_was_expected(admin, mail, text_of):
    mail.outcome = mail.new_outcome(
        "wrong_user", expected="sales@contoso.test", signed_in_as="purchasing@contoso.test"
    )
    come_back(admin)
    text = text_of(admin.get(OUTCOME))
    assert "Expected sales@contoso.test Signed in as purchasing@contoso.test" in text
    assert "Login again" in text


def test_administrator_needed_offers_consent_and_a_link_to_send(admin, mail):
    finding = mail.new_finding(
        links={CONSENT_LABEL: CONSENT}, actor=Actor.M365_ADMIN, steps=("Send it.",)
    )
    mail.outcome = mail.new_outcome("administrator_needed", finding=finding)
    come_back(admin)
    page = admin.get(OUTCOME).text
    assert f'action="{PAGE}/consent"' in page
    assert "<li>Send it.</li>" in page
    assert f'<code class="copied-text">{CONSENT.replace("&", "&amp;")}</code>' in page
    left = admin.post_form(OUTCOME, PAGE + "/consent")
    assert "adminconsent" in left.headers["location"]
    assert BROWSER_COOKIE in left.headers["set-cookie"]


def test_an_outcome_without_account_offers_the_list(admin, mail, text_of):
    mail.outcome = mail.new_outcome("expired", account_id=None)
    come_back(admin)
    text = text_of(admin.get(OUTCOME))
    assert "This sign-in is over" in text
    assert "Login again" not in text


@pytest.mark.parametrize("logged_in", [True, False], ids=["worker", "nobody"])
def test_a_return_that_nobody_waits_for_is_explained(admin, anybody, mail, text_of, logged_in):
    browser = admin if logged_in else anybody
    assert come_back(browser).headers["location"] == RETURNED
    assert "You are back from Microsoft" in text_of(browser.get(RETURNED))


def test_nobodys_return_never_reaches_the_plugin(anybody, mail):
    come_back(anybody)
    assert mail.calls == []


def test_the_page_waits_while_a_sign_in_runs_elsewhere_and_no_longer(admin, mail):
    assert "data-poll" not in admin.get(PAGE).text
    admin.post_form(PAGE, PAGE + "/login")
    assert f'data-poll="{PAGE}/state" data-state="draft"' in admin.get(PAGE).text
    assert admin.get(PAGE + "/state").json() == {"state": "draft"}
    mail.outcome = mail.new_outcome("declined")
    come_back(admin)
    assert "data-poll" not in admin.get(PAGE).text
