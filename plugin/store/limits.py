"""Microsoft's limits of one submitter, kept over all processes of a database.

Each function runs in a transaction of its caller's and locks the submitter's row first, so that of
two workers the second sees what the first has taken.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from .clock import database_now
from .mail_tables import connection_slot, submitter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """At most `messages` in any `seconds`, and `recipients` in `buckets` of `bucket` seconds."""

    messages: int
    seconds: float
    recipients: int
    bucket: float
    buckets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitterRow:
    """What is known of a submitter; times are seconds by the database's clock, `now` too."""

    handed: Sequence[float]
    recipients: dict[str, int]
    halved_until: float
    lag: float
    lag_at: float
    control_at: float
    now: float

    def wait(self, window: Window, recipients: int) -> float:
        """Return the seconds until a message to so many `recipients` may be handed over."""
        return max(self._for_the_window(window), self._for_the_day(window, recipients))

    def _for_the_window(self, window: Window) -> float:
        # A time further ahead than the window is one of a clock that was set back.
        taken = [at for at in self.handed if self.now - window.seconds < at <= self.now]
        most = window.messages if self.halved_until <= self.now else max(1, window.messages // 2)
        if len(taken) < most:
            return 0.0
        return max(0.0, sorted(taken)[-most] + window.seconds - self.now)

    def _for_the_day(self, window: Window, recipients: int) -> float:
        last = self._bucket(window)
        hours = {int(at): count for at, count in self.recipients.items()}
        counted = sorted((at, n) for at, n in hours.items() if last - window.buckets < at <= last)
        over = sum(count for _, count in counted) + recipients - window.recipients
        free_at = self.now
        for at, count in counted:
            if over <= 0:
                break
            over -= count
            free_at = (at + window.buckets) * window.bucket
        return max(0.0, free_at - self.now)

    def _bucket(self, window: Window) -> int:
        return math.floor(self.now / window.bucket)

    def with_one_more(self, window: Window, recipients: int) -> dict[str, Any]:
        """Return the columns after a message to so many recipients was handed over now."""
        bucket = self._bucket(window)
        days = {
            at: count
            for at, count in self.recipients.items()
            if bucket - window.buckets < int(at) <= bucket
        }
        days[str(bucket)] = days.get(str(bucket), 0) + recipients
        return {"handed": [*self.handed, self.now][-window.messages :], "recipients": days}


def locked_submitter(connection: Connection, name: str) -> SubmitterRow:
    """Return a submitter's row, made if it is new, and locked until the transaction ends."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    made = {"name": name, "handed": [], "recipients": {}}
    connection.execute(dialect.insert(submitter).values(made).on_conflict_do_nothing())
    return _row(
        connection.execute(
            select(submitter, database_now().label("now"))
            .where(submitter.c.name == name)
            .with_for_update()
        ).one()
    )


def read_submitter(connection: Connection, name: str) -> SubmitterRow | None:
    """Return a submitter's row without locking it."""
    found = connection.execute(
        select(submitter, database_now().label("now")).where(submitter.c.name == name)
    ).first()
    return None if found is None else _row(found)


def _row(found: Any) -> SubmitterRow:
    return SubmitterRow(
        handed=found.handed,
        recipients=found.recipients,
        halved_until=found.halved_until,
        lag=found.lag,
        lag_at=found.lag_at,
        control_at=found.control_at,
        now=found.now,
    )


def take_place(connection: Connection, name: str, window: Window, recipients: int) -> float:
    """Take a place in the submitter's window; return 0, or the seconds until there is one."""
    row = locked_submitter(connection, name)
    wait = row.wait(window, recipients)
    if wait <= 0:
        change_submitter(connection, name, **row.with_one_more(window, recipients))
    return wait


def count_recipients(connection: Connection, name: str, window: Window, recipients: int) -> None:
    """Count recipients that were not known when the message took its place."""
    row = locked_submitter(connection, name)
    counted = row.with_one_more(window, recipients)["recipients"]
    change_submitter(connection, name, recipients=counted)


def change_submitter(connection: Connection, name: str, **values: Any) -> None:
    """Change columns of a submitter's row."""
    connection.execute(update(submitter).where(submitter.c.name == name).values(**values))


def take_connection(
    connection: Connection, name: str, owner: str, *, most: int, seconds: float
) -> bool:
    """Take one of a submitter's connections for `seconds`; return whether there was one."""
    locked_submitter(connection, name)
    slots, now = connection_slot.c, database_now()
    connection.execute(
        delete(connection_slot).where(
            slots.submitter == name,
            or_(slots.lease_until <= now, slots.lease_until > now + seconds),
        )
    )
    taken = set(connection.scalars(select(slots.slot).where(slots.submitter == name)))
    free = next((slot for slot in range(most) if slot not in taken), None)
    if free is None:
        return False
    connection.execute(
        insert(connection_slot).values(
            submitter=name, slot=free, owner=owner, lease_until=now + seconds
        )
    )
    return True


def renew_connection(connection: Connection, owner: str, seconds: float) -> bool:
    """Hold a connection for `seconds` from now; return whether it was still held."""
    slots, now = connection_slot.c, database_now()
    renewed = connection.execute(
        update(connection_slot)
        .where(slots.owner == owner, slots.lease_until > now)
        .values(lease_until=now + seconds)
    )
    return renewed.rowcount == 1


def release_connection(connection: Connection, owner: str) -> None:
    """Give a connection back."""
    connection.execute(delete(connection_slot).where(connection_slot.c.owner == owner))
