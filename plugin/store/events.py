"""Rows of ``m365_event`` and ``m365_notice``: what happened, and which alarm was given when.

Events outlive their accounts, for an audit asks about deleted ones too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ...schemas.event import Event
from .clock import database_now
from .tables import event, notice

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

# Made once, for SQLAlchemy spends longer on a new statement than the database on its answer.
_STORE = insert(event)
_LAST = (
    select(event)
    .where(event.c.account_id == bindparam("account"))
    .order_by(event.c.id.desc())
    .limit(bindparam("count"))
)


def store_event(connection: Connection, happened: Event) -> None:
    """Store an event."""
    values = {
        "at": happened.at,
        "name": happened.name,
        "worker": happened.worker,
        "account_id": happened.account_id,
        "details": dict(happened.details),
    }
    connection.execute(_STORE, values)


def last_events(connection: Connection, account_id: str, count: int = 10) -> tuple[Event, ...]:
    """Return the last events of an account, newest first."""
    return tuple(map(_event, connection.execute(_LAST, {"account": account_id, "count": count})))


def recent_events(
    connection: Connection, count: int, *, account_id: str | None = None, name: str | None = None
) -> list[Event]:
    """Return the last `count` events of an account, of a name, or of all; oldest first."""
    query = select(event).order_by(event.c.id.desc()).limit(count)
    if account_id is not None:
        query = query.where(event.c.account_id == account_id)
    if name is not None:
        query = query.where(event.c.name == name)
    return [_event(row) for row in connection.execute(query)][::-1]


def _event(row: Any) -> Event:
    return Event(
        name=row.name,
        at=row.at,
        worker=row.worker,
        account_id=row.account_id,
        details=row.details,
    )


def delete_events(connection: Connection, *, before: datetime) -> int:
    """Delete the events that are older; return how many there were."""
    return connection.execute(delete(event).where(event.c.at < before)).rowcount


def claim_notice(connection: Connection, name: str, seconds: float) -> bool:
    """Tell whether this notice is to be given now: of all workers to one, once in `seconds`."""
    now = database_now()
    renewed = connection.execute(
        update(notice)
        .where(notice.c.name == name, notice.c.given_at < now - seconds)
        .values(given_at=now)
    )
    if renewed.rowcount:
        return True
    if connection.scalar(select(notice.c.name).where(notice.c.name == name)):
        return False
    try:
        with connection.begin_nested():
            connection.execute(insert(notice).values(name=name, given_at=now))
    except IntegrityError:
        return False  # another worker was quicker
    return True


def notice_given(connection: Connection, name: str, seconds: float) -> bool:
    """Tell whether this notice was given within the last `seconds`."""
    query = select(notice.c.name).where(
        notice.c.name == name, notice.c.given_at >= database_now() - seconds
    )
    return connection.scalar(query) is not None


def delete_notices(connection: Connection, *, seconds: float) -> int:
    """Forget the notices that were given longer ago; return how many there were."""
    old = notice.c.given_at < database_now() - seconds
    return connection.execute(delete(notice).where(old)).rowcount
