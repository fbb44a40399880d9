"""The kit's browser: which cookies go where, as browsers of today do it."""

from http.cookies import SimpleCookie

import pytest
from salesorder_m365.testing.browser import Browser
from salesorder_m365.testing.serving import free_port, served

PATH = "/mail/callback"


@pytest.fixture
def browser():
    """A browser at a site that sets the cookie of the query and answers with those it was sent."""

    def app(environ, start_response):
        given = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        headers = [("X-Header", environ.get("HTTP_X_HEADER", ""))]
        if environ["PATH_INFO"] == "/set":
            headers.append(("Set-Cookie", environ["HTTP_X_COOKIE"]))
        start_response("200 OK", headers)
        return [" ".join(sorted(given)).encode()]

    base_url = f"http://localhost:{free_port()}"
    with served(app, base_url), Browser(base_url) as browser:
        yield browser


COOKIES = {
    "plain": ("a=1; Path=/", "a", "a"),
    "Secure": ("a=1; Path=/; Secure", "a", "a"),
    "Secure, __Host-": ("__Host-a=1; Path=/; Secure; HttpOnly", "__Host-a", "__Host-a"),
    "Lax": ("a=1; Path=/; SameSite=Lax", "a", "a"),
    "Strict": ("a=1; Path=/; SameSite=Strict", "a", ""),
    "strict": ("a=1; Path=/; samesite=strict", "a", ""),
    "for the callback": (f"a=1; Path={PATH}; Secure", "a", "a"),
    "for elsewhere": ("a=1; Path=/other; Secure", "", ""),
}


@pytest.mark.parametrize(("cookie", "here", "from_afar"), COOKIES.values(), ids=COOKIES)
def test_cookies_go_where_browsers_send_them(browser, cookie, here, from_afar):
    browser.get("/set", headers={"X-Cookie": cookie})
    assert browser.get(PATH).text == here
    browser.arrive(PATH, {"code": "c"})
    assert browser.answers[-1].text == from_afar
    # Held back, not forgotten.
    assert browser.get(PATH).text == here


def test_a_request_carries_the_headers_that_it_is_given(browser):
    assert browser.get("/", headers={"X-Header": "1"}).headers["X-Header"] == "1"
    assert browser.post("/", {"a": "b"}, headers={"X-Header": "2"}).headers["X-Header"] == "2"
    assert [answer.request.method for answer in browser.answers] == ["GET", "POST"]
