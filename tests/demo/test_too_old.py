"""A form that comes too late, from an ended session or without cookies: what the person is told."""

import re

import pytest
from salesorder_m365.demo.pages.menus import ACCOUNTS, account_path
from salesorder_m365.demo.pages.visit import SESSION_COOKIE

NEW, PAGE = f"{ACCOUNTS}/new/m365", account_path("m365:7")
TYPED = {"account_name": "Typed <here>", "sender_email": "typed@contoso.test", "use_oauth": "on"}


def field(page, name):
    return re.search(rf'name="{name}" value="([^"]*)"', page.text)[1]


@pytest.mark.parametrize("path", [NEW, PAGE])
def test_a_form_of_an_older_session_comes_back_with_what_was_typed(admin, mail, text_of, path):
    page = admin.post(path, data={"csrf": "older", **TYPED}, allow_redirects=False)
    assert page.status_code == 403
    assert "Nothing was saved yet. This page was too old." in text_of(page)
    assert field(page, "account_name") == "Typed &lt;here&gt;"
    assert "save" not in [name for name, _ in mail.calls]
    # The token in it is this session's: pressing Save again is enough.
    again = {"csrf": field(page, "csrf"), "request_id": field(page, "request_id"), **TYPED}
    assert admin.post(path, data=again, allow_redirects=False).status_code == 303
    assert mail.called("save")["values"]["account_name"] == "Typed <here>"


@pytest.mark.parametrize("path", [NEW, PAGE])
def test_what_was_typed_when_the_session_had_ended_is_there_after_the_login(
    erp, admin, mail, text_of, path
):
    older = field(admin.get(path), "csrf")
    session = erp.host.sessions.load(admin.cookies[SESSION_COOKIE])
    erp.host.sessions.end(session)
    refused = admin.post(path, data={"csrf": older, **TYPED}, allow_redirects=False)
    assert (refused.status_code, refused.headers["location"]) == (303, "/login")
    assert "Your session has ended. Log in again" in text_of(admin.get("/login"))
    assert admin.log_in().headers["location"] == path
    back = admin.get(path)
    assert "This page was too old" in text_of(back)
    assert field(back, "account_name") == "Typed &lt;here&gt;"
    assert "save" not in [name for name, _ in mail.calls]
    # It is kept for one look.
    assert "Typed" not in text_of(admin.get(path))


@pytest.mark.parametrize("path", ["/login", NEW])
def test_a_browser_without_cookies_is_told_so_and_not_sent_in_circles(anybody, text_of, path):
    token = field(anybody.get("/login"), "csrf")
    anybody.cookies.clear()
    refused = anybody.post(path, data={"csrf": token, **TYPED}, allow_redirects=False)
    assert refused.status_code == 403
    assert "allow cookies for this address" in text_of(refused)


def test_a_session_that_ended_at_microsoft_loses_no_sign_in(erp, admin, mail, text_of):
    admin.leave(PAGE, f"{PAGE}/login")
    mail.outcome = mail.new_outcome("connected", message="Connected.")
    erp.host.sessions.end(erp.host.sessions.load(admin.cookies[SESSION_COOKIE]))
    page = admin.get("/mail/m365/callback", params={"state": "s", "code": "c"})
    assert "Connected." in text_of(page)
    came = mail.called("callback")
    assert (came["worker"], came["browser"]) == (None, mail.called("open")["browser"])


def test_an_account_that_was_deleted_meanwhile_is_said_to_be_gone(admin, mail, text_of):
    mail.outcome = mail.new_outcome("expired", account_id=None)
    admin.get("/mail/m365/callback", params={"state": "s"})
    assert "Login again" not in text_of(admin.get("/sign-in/outcome"))
