"""The way to Microsoft and back, through the host's own pages and callback route."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from salesorder_m365.testing.running import redirect_uri

if TYPE_CHECKING:
    from salesorder_m365.testing.running import Running

EVIL = "evil.example.com"


def test_a_worker_signs_in_and_comes_back(erp: Running) -> None:
    """The ground that the other tests stand on: form, Login, Microsoft, callback, connected."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        query = erp.sign_in(erp.leave(browser, account_id))
        led = erp.arrive(browser, query)
    assert erp.state(account_id) == "connected", (
        "The callback route must pass query, worker and browser to salesorder_login_callback. The"
        " cookie that knows the browser again must be SameSite=Lax: coming back is a navigation"
        " from another site."
    )
    assert led, "The callback must lead on at once: its address holds a code."
    assert query["code"] not in led, "The code must not stand in the next page's address."
    assert urlsplit(led).netloc in {"", urlsplit(erp.callback).netloc}
    report = erp.hook.salesorder_test_connection(
        host=erp.host, account_id=account_id, worker=erp.adapter.worker, progress=None
    )
    assert report.passed, report.findings


def test_a_callback_from_another_browser_is_refused(erp: Running) -> None:
    """Else who sends a worker a link connects the worker's account to a mailbox of their own."""
    with erp.browser() as mine, erp.browser() as another:
        account_id = erp.new_account(mine)
        # The other browser has a sign-in of its own on its way, so it has every cookie.
        erp.leave(another, account_id)
        query = erp.sign_in(erp.leave(mine, account_id))
        redeemed = erp.simulator.count(grant_type="authorization_code")
        erp.arrive(another, query)
        assert erp.state(account_id) == "draft", (
            "A sign-in begun in one browser was finished in another. `browser` must be a random"
            " value of one browser, kept in its cookie; not the worker's name, not a constant."
        )
        assert erp.simulator.count(grant_type="authorization_code") == redeemed
        erp.arrive(mine, erp.sign_in(erp.leave(mine, account_id)))
    assert erp.state(account_id) == "connected", "The browser that began it must be let finish."


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host"])
def test_the_host_header_is_not_trusted(erp: Running, header: str) -> None:
    """Else a forged header sends the code, or the worker, to somebody else's site."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        login = erp.adapter.button(browser, account_id, "login", {})
        browser.forged = {header: EVIL}
        _stays(erp, erp.followed(browser, login()))
        browser.forged = {}
        query = erp.sign_in(erp.leave(browser, account_id))
        browser.forged = {header: EVIL}
        _stays(erp, erp.arrive(browser, query))
        _stays(erp, erp.arrive(browser, {"state": "nobodys"}))


def _stays(erp: Running, led: str) -> None:
    assert EVIL not in led, f"A forged header sent the browser to {EVIL}."
    if erp.is_microsoft(led):
        assert redirect_uri(led) == erp.callback, "A forged header changed the redirect URI."
