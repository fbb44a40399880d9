"""The cookie by which the host knows a browser again: `browser` of the hooks comes from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from salesorder_m365.testing.cookies import attribute

if TYPE_CHECKING:
    from http.cookiejar import Cookie

    from salesorder_m365.testing.browser import Browser
    from salesorder_m365.testing.running import Running

STRAY = {"state": "nobodys"}


@dataclass(frozen=True)
class Carriers:
    """Cookies without which the callback does not know the browser again.

    `session` are those without which it does not know the worker either.
    """

    own: list[Cookie]
    session: list[Cookie]

    @property
    def cookies(self) -> list[Cookie]:
        """The browser's own cookie, or the session's where it stands for it."""
        return self.own or self.session


@pytest.fixture
def carriers(erp: Running) -> Carriers:
    """Find the cookies by leaving each at home once."""
    with erp.browser() as browser:
        erp.leave(browser, erp.new_account(browser))
        known = _callback(erp, browser)
        own: list[Cookie] = []
        session: list[Cookie] = []
        for cookie in list(browser.cookies):
            seen = _without(erp, browser, cookie)
            if seen != known:
                (own if seen[0] == known[0] else session).append(cookie)
    return Carriers(own, session)


def test_the_browsers_cookie_is_hidden_from_scripts(carriers: Carriers) -> None:
    """A script that got into a page must not take it elsewhere."""
    _have(carriers.cookies, "HttpOnly", "")


def test_the_browsers_cookie_is_lax(carriers: Carriers) -> None:
    """Said, not left to the browser: each has another default."""
    _have(carriers.cookies, "SameSite", "lax")


def test_the_browsers_cookie_goes_to_the_callback_alone(erp: Running, carriers: Carriers) -> None:
    """Every other page does without it. A session that stands for it goes everywhere."""
    wide = [cookie.name for cookie in carriers.own if cookie.path == "/"]
    assert wide == [], (
        f"The cookie {wide} goes to every page: give it Path={erp.host.settings.callback_path}."
    )


def _have(cookies: list[Cookie], name: str, value: str) -> None:
    assert cookies, "The callback passes the same `browser` whatever cookies come along."
    for cookie in cookies:
        given = attribute(cookie, name)
        assert value == ("absent" if given is None else given.lower()), (
            f"The cookie {cookie.name} needs {name}{f'={value.capitalize()}' if value else ''}."
        )


def _without(erp: Running, browser: Browser, cookie: Cookie) -> tuple[str, str]:
    kept = list(browser.cookies)
    browser.cookies.clear(cookie.domain, cookie.path, cookie.name)
    try:
        return _callback(erp, browser)
    finally:
        # What the host set again belongs to another visit.
        browser.cookies.clear()
        for each in kept:
            browser.cookies.set_cookie(each)


def _callback(erp: Running, browser: Browser) -> tuple[str, str]:
    """Return worker and browser as the hook was given them; empty where it was not called."""
    with erp.calls() as calls:
        erp.arrive(browser, STRAY)
    given = [call.values for call in calls if call.hook == "salesorder_login_callback"]
    return (given[0]["worker"], given[0]["browser"]) if given else ("", "")
