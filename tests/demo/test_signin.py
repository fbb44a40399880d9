"""To Microsoft and back, as the host sees it."""

import pytest
from salesorder_m365.demo.pages.menus import account_path
from salesorder_m365.demo.pages.sign_in import OUTCOME, RETURNED
from salesorder_m365.schemas.report import CONSENT_LABEL, Actor
from salesorder_m365.web.browser import COOKIE

PAGE = account_path("m365:7")
CALLBACK = "/mail/m365/callback"
CONSENT = "https://login.example.com/adminconsent?client_id=c&scope=s"


def come_back(browser, **options):
    """Come back from Microsoft; return the answer at the address without the code."""
    query = {"state": "s", "code": "c", "error_uri": "https://elsewhere.example.com"}
    back = browser.get(CALLBACK, params=query, allow_redirects=False, **options)
    assert (back.status_code, back.headers["location"].partition("?")[0]) == (303, CALLBACK)
    assert "code" not in back.headers["location"]
    return browser.get(back.headers["location"], allow_redirects=False, **options)


def test_login_leads_by_a_ticket_to_microsoft_and_binds_the_browser(admin, mail):
    left = admin.leave(PAGE, PAGE + "/login")
    assert (left.status_code, left.headers["location"][:26]) == (303, "https://login.example.com/")
    assert left.headers["referrer-policy"] == "no-referrer"
    assert left.headers["cache-control"] == "no-store"
    assert mail.called("login")["return_to"] == PAGE
    opened = mail.called("open")
    assert (opened["ticket"], opened["worker"]) == ("fake:login", "admin")
    cookie = left.headers["set-cookie"]
    assert f"{COOKIE}={opened['browser']}" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/mail/m365;" in cookie


def test_the_callback_hands_on_the_query_and_the_browser(admin, mail):
    admin.leave(PAGE, PAGE + "/login")
    mail.outcome = mail.new_outcome("connected", message="Connected.")
    back = come_back(admin)
    assert (back.status_code, back.headers["location"]) == (303, mail.outcome.next_url)
    assert back.headers["referrer-policy"] == "no-referrer"
    first, again = (values for name, values in mail.calls if name == "callback")
    assert (first["query"]["code"], again["query"]) == ("c", {"state": "s"})
    assert first["browser"] == again["browser"] == mail.called("open")["browser"]


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
    left = admin.leave(OUTCOME, PAGE + "/consent")
    assert "adminconsent" in left.headers["location"]
    assert COOKIE in left.headers["set-cookie"]


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


def test_without_a_session_the_routes_own_page_tells_the_outcome(anybody, mail, text_of):
    mail.outcome = mail.new_outcome("connected", message="Connected. Now press Test Connection.")
    page = come_back(anybody)
    assert page.status_code == 200
    assert "Connected. Now press Test Connection." in text_of(page)
    assert f'href="{mail.outcome.next_url}"' in page.text
    assert {values["worker"] for name, values in mail.calls if name == "callback"} == {None}


def test_the_page_waits_while_a_sign_in_runs_elsewhere_and_no_longer(admin, mail):
    assert "data-poll" not in admin.get(PAGE).text
    admin.post_form(PAGE, PAGE + "/login")
    assert f'data-poll="{PAGE}/state" data-state="draft"' in admin.get(PAGE).text
    assert admin.get(PAGE + "/state").json() == {"state": "draft"}
    mail.outcome = mail.new_outcome("declined")
    come_back(admin)
    assert "data-poll" not in admin.get(PAGE).text
