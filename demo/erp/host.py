"""The `Host` that the hooks are given: settings, permissions, clock and plugins of this ERP."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...hooks import create_manager
from .activity import Activity
from .database import Database
from .generics import Generics
from .quote_mails import QuoteMails
from .quotes import Quotes
from .sessions import Sessions
from .state import StateFolder
from .workers import may

if TYPE_CHECKING:
    import pluggy

    from ...schemas.generic import GenericAccount
    from ...schemas.settings import Settings


class DemoHost:
    """One ERP: one database, one plugin manager. Implements `hooks.GenericHost`."""

    def __init__(
        self,
        *,
        settings: Settings,
        plugins: pluggy.PluginManager,
        database: Database,
        session_key: str,
    ) -> None:
        self.settings = settings
        self.plugins = plugins
        self.name = str(database.path)
        self.sessions = Sessions(database, session_key, self.now)
        self.activity = Activity(self.name)
        self.generics = Generics(database)
        self.quotes = Quotes(database)
        self.quote_mails = QuoteMails(database)
        plugins.register(self.activity)

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:  # noqa: ARG002 - here a role counts for every account
        """Return whether the worker's role has the permission."""
        return may(worker, permission)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def generic_accounts(self) -> tuple[GenericAccount, ...]:
        """List the Generic accounts."""
        return self.generics.list()

    def export_generic(self, generic_id: str) -> str | None:
        """Return all that putting one back needs."""
        return self.generics.export(generic_id)

    def delete_generic(self, generic_id: str, settings: str, successor: str) -> bool:
        """Delete one, and let what used it use its successor."""
        return self.generics.delete(generic_id, settings, successor)

    def put_back_generic(self, generic_id: str, settings: str) -> None:
        """Make one again."""
        self.generics.put_back(generic_id, settings)


def host_of(settings: Settings) -> DemoHost:
    """Return the ERP whose file lies beside the plugin's.

    For the command line: ``--host salesorder_m365.demo.erp.host:host_of``.
    """
    file = Path(settings.database_url.removeprefix("sqlite:///")).with_name("erp.sqlite3")
    return DemoHost(
        settings=settings,
        plugins=create_manager(),
        database=Database(file),
        session_key=StateFolder(file.parent).session_key(),
    )
