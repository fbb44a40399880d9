"""The host's end of ``salesorder_event``: it takes whatever comes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from salesorder_m365.schemas.event import Event
from salesorder_m365.schemas.permission import SYSTEM

if TYPE_CHECKING:
    from salesorder_m365.testing.running import Running

AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
EVENTS = {
    "of an account": Event(
        name="authn_login_success", at=AT, worker="worker", account_id="m365:1", details={"a": "b"}
    ),
    "of no account": Event(name="registration_refused", at=AT, worker=SYSTEM),
    "of a later version": Event(name="an_event_of_a_later_version", at=AT, worker=SYSTEM),
    "with long details": Event(
        name="authz_fail", at=AT, worker="größer", details={"words": "“Ω” " * 500}
    ),
}


@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
def test_an_event_handler_never_raises(erp: Running, other: Running, event: Event) -> None:
    """Not in another thread than the first, and not for another host's event either."""
    if not erp.hook.salesorder_event.get_hookimpls():
        pytest.skip("this host takes no events, which it need not")
    with ThreadPoolExecutor(1) as thread:
        for host in (erp.host, other.host):
            given = thread.submit(erp.hook.salesorder_event, host=host, event=event)
            assert given.exception() is None, (
                f"The host's salesorder_event raised {given.exception()!r}. Events that it does not"
                " know must do it no harm: later versions have more of them."
            )
