"""The `Host` that the hooks are given: settings, permissions, clock and plugins of this ERP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .activity import Activity
from .sessions import Sessions
from .workers import may

if TYPE_CHECKING:
    import pluggy

    from ..schemas.settings import Settings
    from .database import Database


class DemoHost:
    """One ERP: one database, one plugin manager. Implements `hooks.host.Host`."""

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
        self.activity = Activity(self.name, database)
        plugins.register(self.activity)

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:  # noqa: ARG002 - here a role counts for every account
        """Tell whether the worker's role has the permission."""
        return may(worker, permission)

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)
