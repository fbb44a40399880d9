"""A small host for tests, and an account that is signed in by hooks alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ..hooks import create_manager, hookimpl
from ..schemas.account import FormErrors
from .places import register

if TYPE_CHECKING:
    from ..hooks import Host
    from ..schemas.event import Event
    from ..schemas.settings import Settings
    from ..schemas.view import AccountView
    from ..simulator.simulator import Simulator

BROWSER = "browser-of-the-test-kit"


class KitHost:
    """A host for tests of what only calls hooks: nothing is refused that is not in `denied`.

    `events` holds what the plugin told; `later` moves the clock.
    """

    def __init__(self, settings: Settings, name: str = "kit") -> None:
        self.name = name
        self.settings = settings
        self.plugins = create_manager()
        self.plugins.register(self)
        self.denied: set[str] = set()
        self.events: list[Event] = []
        self.later = timedelta()

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:  # noqa: ARG002 - what is denied is denied to all
        """Return whether nobody has denied it."""
        return permission not in self.denied

    def now(self) -> datetime:
        """Return the time, moved by `later`."""
        return datetime.now(UTC) + self.later

    @hookimpl
    def salesorder_event(self, host: Host, event: Event) -> None:
        """Keep this host's events."""
        if host.name == self.name:
            self.events.append(event)


def sign_in_account(
    host: Host,
    simulator: Simulator,
    worker: str,
    *,
    account_name: str = "Sales",
    sender_email: str = "sales@contoso.test",
    username: str = "sales@contoso.test",
) -> AccountView:
    """Make an account and take it through Microsoft's pages; return its view.

    A shared mailbox has a `sender_email` other than its `username`. Raises ``AssertionError`` with
    what the form or the sign-in said.
    """
    register(simulator, host.settings)
    hook = host.plugins.hook
    values = {
        "account_name": account_name,
        "sender_name": "Sales Desk",
        "sender_email": sender_email,
        "use_oauth": True,
        "username": username,
    }
    made = hook.salesorder_account_save(
        host=host,
        kind="m365",
        account_id=None,
        values=values,
        worker=worker,
        request_id=f"test kit: {account_name}",
    )
    assert not isinstance(made, FormErrors), made.errors
    who = {"host": host, "worker": worker}
    left = hook.salesorder_login_begin(
        **who, account_id=made.id, browser=BROWSER, return_to="/mail-accounts"
    )
    query = simulator.sign_in(left.url, username)
    outcome = hook.salesorder_login_callback(**who, query=query, browser=BROWSER)
    assert outcome.code == "connected", outcome.message
    view: AccountView = hook.salesorder_account_view(**who, account_id=made.id)
    return view
