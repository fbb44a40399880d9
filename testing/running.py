"""A host under test that answers: what the suite's tests do with it, and what they see."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from ..plugin.settings.routes import routes
from .browser import Browser
from .places import new_place, register
from .serving import served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pluggy

    from ..hooks import Host
    from ..schemas.view import AccountView
    from ..simulator.simulator import Simulator
    from .contract import Factory, HostUnderTest
    from .press import Press

#: Who signs in at the simulator, and somebody else.
MAILBOX, OTHER_MAILBOX = "sales@contoso.test", "purchasing@contoso.test"
#: Hooks that only read; every other one does something when it is called.
READING = frozenset(
    {
        "salesorder_account_kinds",
        "salesorder_account_list",
        "salesorder_account_view",
        "salesorder_event",
        "salesorder_folder_choices",
        "salesorder_generic_accounts_plan",
        "salesorder_health",
        "salesorder_jobs",
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """A hook that the host called; `result` is None for one that raised."""

    hook: str
    values: Mapping[str, Any] = field(repr=False)
    result: Any = field(repr=False)

    @property
    def acts(self) -> bool:
        """Whether the hook does more than read."""
        return self.hook not in READING


@dataclass(frozen=True)
class Running:
    """One host under test with the simulator at which it signs in."""

    adapter: HostUnderTest
    simulator: Simulator

    @property
    def host(self) -> Host:
        """What the host passes to the hooks."""
        return self.adapter.host

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks, as the suite itself calls them."""
        return self.host.plugins.hook

    @property
    def callback(self) -> str:
        """The address that Microsoft sends browsers back to."""
        return self.host.settings.base_url + self.host.settings.callback_path

    @contextmanager
    def browser(self, worker: str | None = None) -> Iterator[Browser]:
        """Give a new browser in which `worker` has logged in; the one who may everything."""
        with Browser(self.host.settings.base_url) as browser:
            self.adapter.log_in(browser, worker or self.adapter.worker)
            yield browser

    def views(self) -> dict[str, AccountView]:
        """Return the accounts of this host by their ids."""
        lists = self.hook.salesorder_account_list(host=self.host, worker=self.adapter.worker)
        return {view.id: view for views in lists for view in views}

    def state(self, account_id: str) -> str:
        """Return an account's state."""
        return str(self.views()[account_id].state)

    def filled_form(self, browser: Browser, **changes: str) -> Press:
        """Return the Save button of a form with the values of a new account."""
        values = {
            "account_name": f"Conformance {secrets.token_hex(4)}",
            "sender_name": "Sales Desk",
            "sender_email": MAILBOX,
            "use_oauth": "on",
            "username": MAILBOX,
        } | changes
        return self.adapter.account_form(browser, values)

    def new_account(self, browser: Browser) -> str:
        """Make an account by the host's own form and return its id."""
        before = set(self.views())
        self.filled_form(browser)()
        made = sorted(set(self.views()) - before)
        assert len(made) == 1, f"One form was saved, and {len(made)} accounts were made of it."
        return made[0]

    def press(self, browser: Browser, account_id: str, name: str, **values: str) -> str:
        """Press a button of the account's page; return where the host leads."""
        return self.adapter.button(browser, account_id, name, values)()

    def leave(self, browser: Browser, account_id: str) -> str:
        """Press Login and return Microsoft's address that the host leads to."""
        target = self.followed(browser, self.press(browser, account_id, "login"))
        assert self.is_microsoft(target), (
            f"Login must lead to Microsoft's page with the Redirect that salesorder_login_begin or"
            f" salesorder_ticket_open gave; it led to “{_bare(target)}”."
        )
        return target

    def followed(self, browser: Browser, target: str) -> str:
        """Return where the address of a ticket leads; any other address as it is."""
        return browser.get(target).headers.get("location", "") if self.is_ticket(target) else target

    def connected(self, browser: Browser) -> str:
        """Make an account, sign in to it through the host's pages, and return its id."""
        account_id = self.new_account(browser)
        self.arrive(browser, self.sign_in(self.leave(browser, account_id)))
        assert self.state(account_id) == "connected"
        return account_id

    def sign_in(self, target: str, mailbox: str = MAILBOX) -> dict[str, str]:
        """Sign in at Microsoft and return the query that the browser comes back with."""
        sent_to = redirect_uri(target)
        assert sent_to == self.callback, (
            f"Microsoft was told to send the browser back to {sent_to}, and not to base_url and"
            f" callback_path of the settings: {self.callback}."
        )
        return self.simulator.sign_in(target, mailbox)

    def arrive(self, browser: Browser, query: Mapping[str, str]) -> str:
        """Deliver Microsoft's answer to the callback route; return where the host leads.

        It may lead to the callback once more, without the code, and show its page there.
        """
        led = browser.arrive(self.host.settings.callback_path, query)
        if urlsplit(led).path != urlsplit(self.callback).path:
            return led
        return browser.arrive(led, {}) or led

    def is_ticket(self, target: str) -> bool:
        """Return whether an address is one of salesorder_login_ticket's, at this host."""
        parts = urlsplit(target)
        here = parts.netloc in {"", urlsplit(self.callback).netloc}
        return here and parts.path == routes(self.host.settings).login and "ticket=" in parts.query

    def is_microsoft(self, target: str) -> bool:
        """Return whether an address is one of the simulator's sign-in pages."""
        sites = (self.simulator.authority, self.simulator.browser_url)
        return urlsplit(target).netloc in {urlsplit(site).netloc for site in sites}

    @contextmanager
    def calls(self) -> Iterator[list[Call]]:
        """Note the hooks that are called for this host within the block."""
        noted: list[Call] = []

        def before(_name: str, _impls: Any, _values: Mapping[str, Any]) -> None:
            """Nothing to do: a call is noted when it has ended."""

        def after(outcome: Any, name: str, _impls: Any, values: Mapping[str, Any]) -> None:
            host = values.get("host")
            if host is not None and host.name == self.host.name:
                result = None if outcome.exception else outcome.get_result()
                noted.append(Call(name, dict(values), result))

        undo = self.host.plugins.add_hookcall_monitoring(before, after)
        try:
            yield noted
        finally:
            undo()


@contextmanager
def running(factory: Factory, simulator: Simulator, folder: Path) -> Iterator[Running]:
    """Make a host under test and serve its application."""
    adapter = factory(new_place(simulator, folder))
    register(simulator, adapter.host.settings)
    with served(adapter.app, adapter.host.settings.base_url):
        yield Running(adapter, simulator)


def redirect_uri(target: str) -> str:
    """Return where Microsoft is told to send the browser back to."""
    return "".join(parse_qs(urlsplit(target).query).get("redirect_uri", []))


def _bare(target: str) -> str:
    # Without the query: it may hold a state.
    return target.partition("?")[0]
