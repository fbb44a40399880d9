"""To Microsoft's page and back: what the host's answers carry, and what may happen on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesorder_m365.testing.logs import everything_said
from salesorder_m365.testing.multi_value import MultiValueDict
from salesorder_m365.testing.redirects import marked_redirects
from salesorder_m365.testing.running import OTHER_MAILBOX

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest
    import requests
    from salesorder_m365.testing.running import Running

#: The hooks that give a Redirect for a worker's login.
BEGINNING = ("salesorder_login_begin", "salesorder_ticket_open")
STRAY = {"state": "nobodys", "code": "a-code-of-nobody"}


def test_the_redirect_is_passed_on_whole(erp: Running) -> None:
    """Its status, and every header: they keep the address with the state out of caches."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        with marked_redirects(erp.host.plugins) as marks, erp.calls() as calls:
            erp.leave(browser, account_id)
    answer = browser.answers[-1]
    redirect = next(c.result for c in calls if c.hook in BEGINNING)
    if answer.is_redirect:
        assert answer.status_code == redirect.status, "Answer with the Redirect's own status."
    wanted = {**redirect.headers, **marks}
    missing = [name for name, value in wanted.items() if answer.headers.get(name) != value]
    assert missing == [], (
        f"The answer that leads to Microsoft lacks headers of the Redirect: {missing}"
    )


def test_the_callback_is_kept_in_no_cache(erp: Running) -> None:
    """Its address holds a code, whatever the outcome."""
    for answer in _answers(erp):
        assert "no-store" in answer.headers.get("Cache-Control", ""), (
            "Every answer of the callback route needs Cache-Control: no-store."
        )


def test_the_callback_is_passed_on_to_nobody(erp: Running) -> None:
    """The next page must not be told the address with the code."""
    for answer in _answers(erp):
        assert answer.headers.get("Referrer-Policy") == "no-referrer", (
            "Every answer of the callback route needs Referrer-Policy: no-referrer."
        )


def test_the_callback_is_in_no_log(erp: Running, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither in a log of the host's nor on its output."""
    with erp.browser() as browser, everything_said() as lines:
        query = erp.sign_in(erp.leave(browser, erp.new_account(browser)))
        erp.arrive(browser, query)
    out, err = capfd.readouterr()
    said = "\n".join((*lines, out, err))
    found = [name for name in ("code", "state") if query[name] in said]
    assert found == [], f"The callback's {' and '.join(found)} stood in a log: keep its query out."


def test_two_tabs_sign_in_at_once(erp: Running) -> None:
    """Both sign-ins of one browser come to their end, in any order."""
    with erp.browser() as browser:
        first, second = erp.new_account(browser), erp.new_account(browser)
        queries = [erp.sign_in(erp.leave(browser, each)) for each in (first, second)]
        for query in queries:
            erp.arrive(browser, query)
    states = (erp.state(first), erp.state(second))
    assert states == ("connected", "connected"), (
        "A second sign-in undid the first one: draw the browser's value once per session, and keep"
        " its cookie after a callback."
    )


def test_a_callback_that_comes_twice_ends_the_same(erp: Running) -> None:
    """Browsers repeat a GET, and hosts a transaction: the second time is no failure."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        query = erp.sign_in(erp.leave(browser, account_id))
        first = erp.arrive(browser, query)
        redeemed = erp.simulator.count(grant_type="authorization_code")
        with erp.calls() as calls:
            second = erp.arrive(browser, query)
    # Once or more: the routes of `web` ask again for the page without the code.
    codes = {c.result.code for c in calls if c.hook == "salesorder_login_callback" and c.result}
    assert (second, codes) == (first, {"connected"}), (
        "A repeated callback must be passed to the hook as the first was, and lead where it says."
    )
    assert erp.state(account_id) == "connected"
    assert erp.simulator.count(grant_type="authorization_code") == redeemed


def test_a_mapping_of_many_values_is_taken(erp: Running) -> None:
    """Such as Django's request.GET: ``[]`` gives a text, ``dict()`` of it lists."""
    with erp.browser() as browser:
        account_id = erp.new_account(browser)
        with erp.calls() as calls:
            target = erp.leave(browser, account_id)
    begun = next(c.values for c in calls if c.hook in BEGINNING)
    outcome = erp.hook.salesorder_login_callback(
        host=erp.host,
        query=MultiValueDict(erp.sign_in(target)),
        worker=erp.adapter.worker,
        browser=begun["browser"],
    )
    assert outcome, "A query whose dict() gives lists was not recognised: read it by its keys."
    assert outcome.code == "connected", outcome.message


def _answers(erp: Running) -> Iterator[requests.Response]:
    """Yield the callback's answers: connected, signed in as somebody else, nobody's."""
    with erp.browser() as browser:
        for mailbox in (None, OTHER_MAILBOX):
            target = erp.leave(browser, erp.new_account(browser))
            query = erp.sign_in(target, *filter(None, [mailbox]))
            before = len(browser.answers)
            erp.arrive(browser, query)
            yield from browser.answers[before:]
        before = len(browser.answers)
        erp.arrive(browser, STRAY)
        yield from browser.answers[before:]
