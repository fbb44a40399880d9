"""What a host gives the plugin. A host is one database; one process may serve many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    import pluggy

    from ..schemas.settings import Settings


class Host(Protocol):
    """The ERP, as the hooks see it. Any object with these members will do; nothing is inherited.

    Every member may be used from any thread.
    """

    @property
    def name(self) -> str:
        """The host's name, one per database; it keys the connection pool in this process."""

    @property
    def settings(self) -> Settings:
        """Registration, places and keys, checked once: see `plugin.settings.read_settings`."""

    @property
    def plugins(self) -> pluggy.PluginManager:
        """The manager that loaded this plugin: ``salesorder_event`` is called through it."""

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:
        """Tell whether `worker` may do `permission` (see `Permission`) on that account.

        `account_id` is None where no account is meant yet: creating one, listing.
        """

    def now(self) -> datetime:
        """Return the time, with a time zone."""
