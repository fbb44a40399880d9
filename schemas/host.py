"""What a host gives the plugin. A host is one database; one process may serve many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pluggy

    from .generic import GenericAccount
    from .settings import Settings


class BareHost(Protocol):
    """What the use cases need of a host: an ERP, or the command line."""

    @property
    def name(self) -> str:
        """The host's name, one per database; it keys the connection pool in this process."""

    @property
    def settings(self) -> Settings:
        """Registration, places and keys, checked once: see `hooks.read_settings`."""

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:
        """Return whether `worker` may do `permission` (see `Permission`) on that account.

        `account_id` is None where no account is meant yet: creating one, listing.
        """

    def now(self) -> datetime:
        """Return the time, with a time zone."""


class Host(BareHost, Protocol):
    """The ERP, as the hooks see it. Any object with these members will do; nothing is inherited.

    Every member may be used from any thread.
    """

    @property
    def plugins(self) -> pluggy.PluginManager:
        """The manager that loaded this plugin: ``salesorder_event`` is called through it."""


@runtime_checkable
class GenericAccounts(Protocol):
    """The host's Generic accounts, which the plugin may replace.

    Each method works in the host's own database and has committed when it returns. Each may be
    called again with the same arguments, also after the process was killed within it.
    """

    def generic_accounts(self) -> Sequence[GenericAccount]:
        """List the Generic accounts, without passwords."""

    def export_generic(self, generic_id: str) -> str | None:
        """Return all that `put_back_generic` needs, passwords and users too; None if it is gone.

        The text is the host's own and opaque to the plugin, which keeps it sealed. The same account
        must give the same text until it is changed.
        """

    def delete_generic(self, generic_id: str, settings: str, successor: str) -> bool:
        """Delete the account if it is still as in `settings`, in one transaction.

        What used it is to use `successor` from then on, the new account's id. Returns True when it
        is gone, also if it was before; False if it is another than in `settings`: then nothing is
        done, and the plugin makes a new copy.
        """

    def put_back_generic(self, generic_id: str, settings: str) -> None:
        """Make the account again under its old id, and let what used it use it again.

        If it is there, it stays as it is.
        """


class GenericHost(Host, GenericAccounts, Protocol):
    """A host that keeps Generic accounts. Optional."""
