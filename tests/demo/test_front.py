"""Logging in, the menus, and what every answer carries."""

import re
import socket
from urllib.parse import urlsplit

import pytest
from salesorder_m365.demo.pages.menus import ACCOUNTS, MENUS
from salesorder_m365.demo.pages.visit import SESSION_COOKIE


def test_menus_lead_down_to_the_action(admin):
    paths = [menu.path for menu in MENUS]
    for path, below in zip(["/", *paths], paths, strict=False):
        assert f'href="{below}"' in admin.get(path).text
    page = admin.get(ACCOUNTS).text
    assert ">Actions<" in page
    assert f'<a href="{ACCOUNTS}/new/m365">New Microsoft 365 Account (Corporate)</a>' in page


def test_who_is_not_logged_in_logs_in_and_comes_back(anybody):
    asked = anybody.get(ACCOUNTS, allow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (303, "/login")
    assert anybody.log_in().headers["location"] == ACCOUNTS
    assert anybody.get(ACCOUNTS, allow_redirects=False).status_code == 200


def test_a_wrong_password_is_told_beside_the_field(anybody, text_of):
    refused = anybody.log_in(password="wrong")
    assert refused.status_code == 422
    assert 'aria-describedby="password-error password-help"' in refused.text
    assert "That is not the password" in text_of(refused)


def test_logging_in_gives_a_new_session_and_logging_out_ends_it(anybody, erp):
    anybody.get("/login")
    planted = anybody.cookies[SESSION_COOKIE]
    anybody.log_in()
    cookie = anybody.cookies[SESSION_COOKIE]
    assert cookie != planted
    assert erp.host.sessions.load(planted) is None
    anybody.post_form("/", "/logout")
    assert erp.host.sessions.load(cookie) is None


def test_what_is_kept_goes_with_the_session(erp):
    sessions = erp.host.sessions
    session = sessions.begin("admin")
    sessions.put(session, "a", {"b": 1})
    sessions.put(session, "a", [2])
    assert sessions.get(session, "a") == sessions.take(session, "a") == [2]
    assert sessions.take(session, "a") is None
    sessions.end(session)
    sessions.put(session, "a", 3)
    assert sessions.get(session, "a") is None


@pytest.mark.parametrize("cookie", ["", "forged", "forged.signature.x"])
def test_a_forged_cookie_names_no_session(erp, cookie):
    assert erp.host.sessions.load(cookie) is None


@pytest.mark.parametrize("path", ["/login", "/static/demo.css", "/nowhere"])
def test_every_answer_carries_the_headers(anybody, path):
    headers = anybody.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_pages_take_nothing_from_elsewhere_and_hold_no_inline_code(admin):
    page = admin.get(ACCOUNTS + "/m365:7").text
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert 'src="http' not in page


def test_cookies_are_lax_and_not_for_scripts(anybody):
    cookie = anybody.get("/login").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_another_host_name_is_sent_to_the_base_url(erp):
    # Under 127.0.0.1 the cookies would not come along to the callback on localhost.
    port = urlsplit(erp.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
        sock.sendall(b"GET /login HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n")
        answer = sock.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 303")
    assert f"location: {erp.url}/\r\n" in answer


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (ACCOUNTS + "/new/m365", {"account_name": "Sales"}),
        (ACCOUNTS + "/m365:7", {"account_name": "Sales"}),
        (ACCOUNTS + "/m365:7/login", {}),
        (ACCOUNTS + "/m365:7/consent", {}),
        (ACCOUNTS + "/m365:7/test", {}),
        (ACCOUNTS + "/m365:7/folders", {}),
        (ACCOUNTS + "/m365:7/disconnect", {}),
        (ACCOUNTS + "/m365:7/delete", {}),
        ("/logout", {}),
    ],
)
@pytest.mark.parametrize("token", [None, "", "another"], ids=["none", "empty", "another's"])
def test_a_post_without_its_token_does_nothing(admin, mail, text_of, path, values, token):
    mail.calls.clear()
    data = {"x": "1", **values, **({"csrf": token} if token is not None else {})}
    refused = admin.post(path, data=data, allow_redirects=False)
    assert refused.status_code == 403
    assert re.search("This page (is|was) too old", text_of(refused))
    assert [name for name, _ in mail.calls if name != "view"] == []
    assert admin.get("/", allow_redirects=False).status_code == 200


def test_a_post_that_is_too_large_is_refused_unread(admin):
    assert admin.post("/logout", data={"x": "x" * 70_000}).status_code == 413
