"""One host, as the use cases see it: settings, engine, key ring, clock, permission, events."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..schemas.event import Event
from ..schemas.permission import SYSTEM
from .errors import NotAllowedError, StoreError
from .store.engines import engine_for, writing
from .store.events import claim_notice, store_event
from .store.keys import check_keys
from .store.sealing import KeyRing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from ..schemas.host import BareHost
    from ..schemas.permission import Permission
    from ..schemas.settings import Settings

log = logging.getLogger(__name__)

#: Seconds that an event waits at most for a locked database.
_EVENT_PATIENCE = 1.0
#: The notice, and the event, that Microsoft refuses the registration; seconds until the next one.
REGISTRATION_NOTICE, NOTICE_SECONDS = "registration_refused", 3600.0


@dataclass(frozen=True)
class Change:
    """One transaction of a use case: what it writes, and the events that go with it.

    `connection` is inside the transaction. An event is stored in it too, so that both are stored
    or neither, and the disk is waited for once.
    """

    connection: Connection
    worker: str
    at: datetime
    events: list[Event] = field(default_factory=list, init=False)

    def happened(self, name: str, account_id: str | None = None, **details: str) -> None:
        """Store an event. The host is told of it after the commit, and never after a rollback."""
        event = Event(
            name=name, at=self.at, worker=self.worker, account_id=account_id, details=details
        )
        store_event(self.connection, event)
        self.events.append(event)


@dataclass(frozen=True)
class Context:
    """One host. Made for each call; what is costly is opened at first use."""

    host: BareHost
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
        settings = self.settings
        idle = settings.database_idle
        engine = engine_for(self.host.name, settings.database_url, idle_seconds=idle)
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

    @contextmanager
    def change(self, worker: str) -> Iterator[Change]:
        """Open a transaction in which `worker` changes something; tell its events once committed.

        Raises ``StoreError`` if the database takes no change: then nothing is stored or told.
        """
        with writing(self.engine) as connection:
            change = Change(connection, worker, self.now())
            yield change
        for event in change.events:
            self._tell(event)

    def emit(self, name: str, worker: str, account_id: str | None = None, **details: str) -> None:
        """Store and tell an event that belongs to no change, such as a refusal.

        A database that cannot take it is logged, and the host is told nevertheless.
        """
        event = Event(
            name=name, at=self.now(), worker=worker, account_id=account_id, details=details
        )
        try:
            with writing(self.engine, patience=_EVENT_PATIENCE) as connection:
                store_event(connection, event)
        except StoreError as err:
            log.error("event %s was not stored: %s", name, err)  # noqa: TRY400 - the error says it all
        self._tell(event)

    def _tell(self, event: Event) -> None:
        try:
            self.send(event)
        except Exception:  # the host's code may raise anything; the change is committed already
            log.exception("the host's salesorder_event failed for %s", event.name)

    def emit_once(
        self,
        notice: str,
        seconds: float,
        name: str,
        worker: str = SYSTEM,
        account_id: str | None = None,
        **details: str,
    ) -> bool:
        """Emit an event unless some worker of the host gave this `notice` within `seconds`.

        Return whether it was emitted. The database decides, so that one of many workers does it.
        """
        try:
            with writing(self.engine, patience=_EVENT_PATIENCE) as connection:
                due = claim_notice(connection, notice, seconds)
        except StoreError as err:
            # Prefer a missing notice to one per worker; it is in the log.
            log.error("notice %s was not given: %s", notice, err)  # noqa: TRY400 - likewise
            return False
        if due:
            self.emit(name, worker, account_id, **details)
        return due

    def alarm_registration(self, code: str) -> None:
        """Emit, once an hour, that Microsoft refuses the registration: no account is at fault."""
        self.emit_once(REGISTRATION_NOTICE, NOTICE_SECONDS, REGISTRATION_NOTICE, code=code)
