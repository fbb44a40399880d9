"""What the conformance suite gives a host's author, and what it wants in return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

    from ..hooks import Host
    from ..schemas.settings import Settings
    from .browser import Browser
    from .press import Press


@dataclass(frozen=True, slots=True)
class Place:
    """What one host under test lives on; the suite makes two, and each host has its own.

    `settings` name a database in `folder`, keys, a simulator, and ``http://localhost:PORT`` as the
    host's address. Change what the host decides by itself with ``dataclasses.replace``: its
    `callback_path`, its `database_url`.
    """

    folder: Path
    settings: Settings


class HostUnderTest(Protocol):
    """A host as the suite handles it. Any object with these members will do.

    ``--salesorder-host my_erp.testing:host`` names what makes one of a `Place`.
    """

    @property
    def host(self) -> Host:
        """What the host passes to the hooks."""

    @property
    def app(self) -> Any:
        """The WSGI or ASGI application, which the suite serves at ``host.settings.base_url``.

        None if the host answers there by itself already.
        """

    @property
    def worker(self) -> str:
        """A worker who may do everything with mail accounts."""

    @property
    def stranger(self) -> str:
        """A worker who can log in and may do nothing with mail accounts."""

    def log_in(self, browser: Browser, worker: str) -> None:
        """Log the worker in to the host, in this browser."""

    def account_form(self, browser: Browser, values: Mapping[str, str]) -> Press:
        """Open the form for a new account, fill in `values`, and return its Save button.

        `values` go by the names of the kind's fields; ``use_oauth`` is ``on``. Pressed twice, the
        button posts the very same form again.
        """

    def button(
        self, browser: Browser, account_id: str, name: str, values: Mapping[str, str]
    ) -> Press:
        """Open the page of the account that has this button, fill in `values`, return the button.

        `name` is one of the kind's buttons. ``save`` takes fields of the form, ``folders`` (what
        saves the mapping) takes roles and paths; both leave as they are what `values` do not name.
        The others take none, and ``delete`` is the one that deletes without asking again.

        Raises `NotOfferedError`, or whatever the host says, if the worker is not offered it.
        """

    def read(self, browser: Browser, path: str) -> str:
        """Open an address that the host has led to, and return the text that the worker sees."""


#: What the option names.
Factory: TypeAlias = Callable[[Place], HostUnderTest]
