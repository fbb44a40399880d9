"""What every use case needs of one host: settings, engine, key ring, clock, permission, events."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from ..schemas.event import Event
from .errors import NotAllowedError
from .store.engines import engine_for
from .store.keys import check_keys
from .store.sealing import KeyRing

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Engine

    from ..schemas.permission import Permission
    from ..schemas.settings import Settings

log = logging.getLogger(__name__)


class HostLike(Protocol):
    """The part of `hooks.host.Host` that this floor uses."""

    @property
    def name(self) -> str: ...  # noqa: D102 - see hooks.host.Host
    @property
    def settings(self) -> Settings: ...  # noqa: D102
    def allows(self, worker: str, permission: str, account_id: str | None) -> bool: ...  # noqa: D102
    def now(self) -> datetime: ...  # noqa: D102


@dataclass(frozen=True)
class Context:
    """One host, as the use cases see it. Made per call; what is costly is opened at first use."""

    host: HostLike
    #: Gives an event to the host; the hooks pass ``salesorder_event``.
    send: Callable[[Event], None] = field(repr=False)

    @property
    def settings(self) -> Settings:
        """The host's settings."""
        return self.host.settings

    @cached_property
    def ring(self) -> KeyRing:
        """The host's key ring."""
        return KeyRing(self.settings.key_ring)

    @cached_property
    def engine(self) -> Engine:
        """The host's engine, at the current schema, with a key ring that fits its rows."""
        engine = engine_for(self.host.name, self.settings.database_url)
        check_keys(engine, self.ring)
        return engine

    def now(self) -> datetime:
        """Return the host's time."""
        return self.host.now()

    def require(self, worker: str, permission: Permission, account_id: str | None = None) -> None:
        """Raise ``NotAllowedError`` unless the host allows it; a refusal is an event."""
        if not self.host.allows(worker, permission, account_id):
            self.emit("authz_fail", worker, account_id, permission=str(permission))
            raise NotAllowedError(worker, permission, account_id)

    def emit(self, name: str, worker: str, account_id: str | None = None, **details: str) -> None:
        """Give the host an event; one that it cannot take changes nothing for the worker."""
        event = Event(
            name=name, at=self.now(), worker=worker, account_id=account_id, details=details
        )
        try:
            self.send(event)
        except Exception:  # the host's code: whatever it raises is the host's to mend
            log.exception("the host's salesorder_event failed for %s", name)
