"""The reference host as the conformance suite handles it: ``salesorder_m365.demo.testing:host``."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from ..hooks import create_manager
from .erp.database import Database
from .erp.host import DemoHost
from .erp.workers import PASSWORD
from .pages.app import build_app
from .pages.menus import ACCOUNTS, account_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..testing.browser import Browser
    from ..testing.contract import Place
    from ..testing.press import Press

#: The buttons' names in the contract, and what stands on them here.
LABELS = {
    "save": "Save",
    "login": "Login",
    "test": "Test Connection",
    "folders": "Save",
    "disconnect": "Disconnect",
    "delete": "Delete",
}
#: One for all databases of the process, as in an ERP that serves many.
PLUGINS = create_manager()


class ReferenceHost:
    """Implements `testing.contract.HostUnderTest`."""

    worker, stranger = "admin", "sales"

    def __init__(self, place: Place) -> None:
        database = Database(place.folder / "erp.sqlite3")
        self.host = DemoHost(
            settings=replace(place.settings, database_url=database.url),
            plugins=PLUGINS,
            database=database,
            session_key=secrets.token_hex(16),
        )
        self.host.generics.add()
        self.app = build_app(self.host)

    def log_in(self, browser: Browser, worker: str) -> None:
        """Fill in the login page."""
        browser.form("/login", "Log in", {"worker": worker, "password": PASSWORD})()

    def account_form(self, browser: Browser, values: Mapping[str, str]) -> Press:
        """Open the form behind the menu action."""
        return browser.form(f"{ACCOUNTS}/new/m365", "Save", values)

    def button(
        self, browser: Browser, account_id: str, name: str, values: Mapping[str, str]
    ) -> Press:
        """Open the page that has the button: the account's, or the one below it."""
        below = (name,) if name in {"folders", "delete"} else ()
        return browser.form(account_path(account_id, *below), LABELS[name], values)

    def read(self, browser: Browser, path: str) -> str:
        """Read a page."""
        return browser.text(path)


host = ReferenceHost
