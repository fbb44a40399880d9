"""Addresses that begin a sign-in once, and a host whose session cookie stays behind at Microsoft.

Both are for hosts that mount the routes of `web`; others are skipped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from salesorder_m365.testing.browser import Browser
from salesorder_m365.testing.tickets import Tickets, opens_tickets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salesorder_m365.testing.running import Running

#: Seconds that a ticket lives, and one more.
TOO_LATE = 61


@pytest.fixture
def mine(erp: Running) -> Iterator[Browser]:
    """Return a browser of the worker whom the tickets are given to."""
    with erp.browser() as browser:
        if not opens_tickets(erp, browser):
            pytest.skip("this host opens no tickets, which it need not: it mounts no routes")
        yield browser


@pytest.fixture
def tickets(erp: Running, mine: Browser) -> Tickets:
    """Return the tickets of a new account."""
    return Tickets(erp, erp.new_account(mine))


def test_a_ticket_opens_once(mine: Browser, tickets: Tickets) -> None:
    """Else an address out of a history or a log begins sign-ins for as long as it likes."""
    path = tickets.give()
    assert tickets.begins(mine, path), "A ticket must lead its own worker to Microsoft."
    assert not tickets.begins(mine, path), "A ticket was opened twice."


def test_a_late_ticket_opens_nothing(mine: Browser, tickets: Tickets) -> None:
    """A ticket that nobody opened ends by itself."""
    path = tickets.give()
    tickets.make_older(TOO_LATE)
    assert not tickets.begins(mine, path), "A ticket was opened after more than 60 seconds."


def test_a_ticket_opens_in_no_other_workers_session(
    erp: Running, mine: Browser, tickets: Tickets
) -> None:
    """`worker_of` says who is logged in in this very browser."""
    path = tickets.give()
    with erp.browser(erp.adapter.stranger) as other:
        assert not tickets.begins(other, path), (
            "A ticket was opened in another worker's session: `worker_of` must return the worker of"
            " the session that the request brings."
        )
    assert tickets.begins(mine, path), "A stranger's try must not use a ticket up."


def test_a_ticket_opens_nothing_without_a_session(erp: Running, tickets: Tickets) -> None:
    """A link that was passed on begins nothing in a browser in which nobody is logged in."""
    path = tickets.give()
    with Browser(erp.host.settings.base_url) as nobody:
        assert not tickets.begins(nobody, path), (
            "A ticket was opened where nobody is logged in: `worker_of` must return None there."
        )


def test_a_sign_in_that_is_passed_on_connects_nobody(
    erp: Running, mine: Browser, tickets: Tickets
) -> None:
    """Who sends Microsoft's address to somebody else must not get that person's mailbox."""
    target = erp.followed(mine, tickets.give())
    query = erp.sign_in(target)
    with Browser(erp.host.settings.base_url) as nobody:
        erp.arrive(nobody, query)
    assert erp.state(tickets.account_id) == "draft", (
        "A sign-in ended in a browser that did not begin it: without a worker the browser's cookie"
        " is all that binds it. Pass on what the browser brought, nothing instead of it."
    )


def test_a_session_cookie_may_stay_behind_at_microsoft(
    erp: Running, mine: Browser, tickets: Tickets
) -> None:
    """As one with SameSite=Strict does: the callback must not ask for a session."""
    before = {(cookie.domain, cookie.path, cookie.name) for cookie in mine.cookies}
    query = erp.sign_in(erp.followed(mine, tickets.give()))
    for known in before:
        mine.cookies.clear(*known)
    erp.arrive(mine, query)
    assert erp.state(tickets.account_id) == "connected", (
        "The callback was refused because the session's cookie did not come along. Let the routes"
        " answer it: `worker_of` may return None there."
    )
