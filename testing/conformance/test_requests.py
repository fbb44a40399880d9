"""What a request must bring before anything is done: the page's own token, by POST."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest
    from salesorder_m365.testing.browser import Browser
    from salesorder_m365.testing.running import Running

#: The buttons, in an order in which each is live.
BUTTONS = ("save", "login", "test", "folders", "disconnect", "delete")
#: What a page of another site can send: it may not choose any other header.
FOREIGN = {
    "Origin": "https://evil.example.com",
    "Referer": "https://evil.example.com/",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}
_SIMPLE = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")


def test_another_site_can_do_nothing(erp: Running) -> None:
    """A form of another site brings the worker's cookies, and no token of the worker's pages."""
    with erp.browser() as attacker, erp.browser() as victim:
        for name, request in _sent(erp, attacker, "POST"):
            kind = str(request.headers.get("Content-Type", ""))
            simple = kind if kind.startswith(_SIMPLE) else "text/plain"
            headers = {**FOREIGN, "Content-Type": simple}
            with erp.calls() as calls:
                victim.send("POST", str(request.url), request.body, headers)
            assert [call.hook for call in calls if call.acts] == [], (
                f"“{name}” was done for a request that another site can make. Let each form bring a"
                " token that is bound to the worker's session, and refuse a POST without it."
            )


def test_an_address_does_nothing(erp: Running) -> None:
    """What acts is a POST: an address can stand in any page, mail or history."""
    with erp.browser() as browser:
        loaded = [(name, str(sent.url)) for name, sent in _sent(erp, browser, "GET")]
        for name, address in loaded:
            with erp.calls() as calls:
                browser.get(address)
            assert [call.hook for call in calls if call.acts] == [], (
                f"“{name}” was done again by opening an address. Begin it by POST, or by an address"
                " that works once and that such a POST has given."
            )


def _sent(erp: Running, browser: Browser, method: str) -> Iterator[tuple[str, PreparedRequest]]:
    """Press every button of an account, and yield what the browser sent for it."""
    account_id = erp.connected(browser)
    for name in BUTTONS:
        before = len(browser.answers)
        erp.press(browser, account_id, name)
        yield from _since(browser, before, name, method)


def _since(
    browser: Browser, before: int, name: str, method: str
) -> Iterator[tuple[str, PreparedRequest]]:
    for answer in browser.answers[before:]:
        if answer.request.method == method:
            yield name, answer.request
