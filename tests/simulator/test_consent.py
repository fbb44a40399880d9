"""Consent: asked once, for a user or by the administrator for everybody."""

from urllib.parse import urlencode

import pytest
import requests
from salesorder_m365.simulator.browser import PageReader
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES

SALES, ADMIN = "sales@contoso.test", "admin@contoso.test"


def admin_consent_url(sim, **change):
    query = {
        "client_id": sim.registration.client_id,
        "redirect_uri": next(iter(sim.registration.redirect_uris)),
        "scope": "https://outlook.office.com/.default",
        "state": "opaque",
        **change,
    }
    return f"{sim.browser_url}/{sim.tenant.id}/v2.0/adminconsent?{urlencode(query)}"


def first_page_after_sign_in(url, username=SALES):
    with requests.Session() as browser:
        browser.trust_env = False
        form = {"step": "sign_in", "username": username, "password": "contoso"}
        return browser.post(url, data=form, allow_redirects=False, timeout=5)


def test_the_consent_page_lists_what_is_asked(new_app, begin):
    answer = first_page_after_sign_in(begin(new_app())["auth_uri"])
    page = PageReader(answer.text)
    assert "Permissions requested" in page.text
    wanted = (
        "Read and write your mail over IMAP",
        "Send mail over SMTP AUTH",
        "Maintain access",
        "View your basic profile",
    )
    assert [text for text in wanted if not any(text in line for line in page.text)] == []
    assert list(page.forms[0].buttons) == ["No", "Yes"]


def test_consent_is_asked_once(sim, new_app, begin, tokens):
    tokens()
    url = begin(new_app())["auth_uri"]
    assert first_page_after_sign_in(url).status_code == 303
    assert first_page_after_sign_in(url, "purchasing@contoso.test").status_code == 200
    sim.tenant.withdraw_consent(SALES)
    assert first_page_after_sign_in(url).status_code == 200


def test_an_administrator_consents_for_everybody(sim, new_app, begin):
    back = sim.sign_in(admin_consent_url(sim), ADMIN)
    assert back["admin_consent"] == "True"
    assert (back["tenant"], back["state"]) == (sim.tenant.id, "opaque")
    url = begin(new_app())["auth_uri"]
    assert first_page_after_sign_in(url).status_code == 303


def test_an_administrator_may_say_no(sim):
    back = sim.sign_in(admin_consent_url(sim), ADMIN, consent=False)
    assert (back["error"], back["state"]) == ("access_denied", "opaque")
    assert "admin_consent" not in back


def test_nobody_else_consents_for_everybody(sim):
    back = sim.sign_in(admin_consent_url(sim), SALES)
    assert back["error"] == "access_denied"
    assert back["error_description"].startswith("AADSTS90094")


def test_a_forged_yes_of_somebody_else_does_not_count(sim, new_app, begin):
    sim.tenant.policies.admin_consent_required = True
    url = begin(new_app())["auth_uri"]
    page = PageReader(first_page_after_sign_in(url, ADMIN).text)
    ticket = page.forms[0].values["ticket"]
    forged = {"step": "consent", "answer": "Yes", "ticket": ticket[:-6] + "AAAAAA"}
    answer = requests.post(url, data=forged, allow_redirects=False, timeout=5)
    assert answer.status_code == 200
    assert "Sign in again" in answer.text


def test_users_need_an_administrator_where_the_policy_says_so(sim, new_app, begin):
    sim.tenant.policies.admin_consent_required = True
    flow = begin(new_app(), login_hint=SALES)
    answer = first_page_after_sign_in(flow["auth_uri"])
    assert "Need admin approval" in answer.text
    assert "Sign in with an administrator account" in answer.text
    back = sim.sign_in(flow["auth_uri"], SALES)
    assert (back["error"], back["state"]) == ("access_denied", flow["state"])
    assert back["error_description"].startswith("AADSTS90094")
    sim.sign_in(admin_consent_url(sim), ADMIN)
    assert "code" in sim.sign_in(flow["auth_uri"], SALES)


def test_prompt_none_answers_without_a_page(sim, new_app, begin):
    flow = begin(new_app())
    browser = requests.Session()
    with browser:
        browser.trust_env = False
        form = {"step": "sign_in", "username": SALES, "password": "contoso"}
        browser.post(flow["auth_uri"], data=form, timeout=5)
        silent = flow["auth_uri"] + "&prompt=none"
        before = browser.get(silent, allow_redirects=False, timeout=5)
        sim.tenant.grant_consent(SALES)
        after = browser.get(silent, allow_redirects=False, timeout=5)
    assert "error=interaction_required" in before.headers["location"]
    assert "code=" in after.headers["location"]


def test_the_picker_offers_who_signed_in_here(sim, new_app, begin):
    sim.tenant.grant_consent(scopes=MAIL_SCOPES)
    url = begin(new_app(), prompt="select_account")["auth_uri"]
    with requests.Session() as browser:
        browser.trust_env = False
        form = {"step": "sign_in", "username": SALES, "password": "contoso"}
        browser.post(url, data=form, allow_redirects=False, timeout=5)
        picker = browser.get(url, timeout=5)
        assert SALES in picker.text
        assert "Use another account" in picker.text
        picked = {"step": "pick", "account": SALES}
        answer = browser.post(url, data=picked, allow_redirects=False, timeout=5)
        assert "code=" in answer.headers["location"]
        other = browser.post(url, data={"step": "other"}, timeout=5)
        assert PageReader(other.text).forms[0].values["username"] == ""
        stranger = {"step": "pick", "account": "purchasing@contoso.test"}
        answer = browser.post(url, data=stranger, allow_redirects=False, timeout=5)
        assert "s password" in answer.text


@pytest.mark.parametrize("field", ["login_hint", "redirect_uri", "client_id"])
def test_pages_escape_what_comes_from_outside(sim, new_app, begin, field):
    url = begin(new_app())["auth_uri"] + "&" + urlencode({field: '"><script>alert(1)</script>'})
    page = requests.get(url, timeout=5)
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "not Microsoft" in page.text
