"""Rows of ``m365_event`` and ``m365_notice``: what happened, and which alarm was given when.

Events outlive their accounts because an audit asks about deleted ones too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import String, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ...schemas.event import Event
from .clock import database_now
from .tables import event, notice

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

#: Characters that each column takes.
_LONGEST = {c.name: c.type.length or 0 for c in event.c if isinstance(c.type, String)}
#: Characters of one detail: a finding's code, an address, Microsoft's ids.
_LONGEST_DETAIL = 1000
# Built once: SQLAlchemy spends longer on a new statement than the database on its answer.
_STORE = insert(event)
_LAST = (
    select(event)
    .where(event.c.account_id == bindparam("account"))
    .order_by(event.c.id.desc())
    .limit(bindparam("count"))
)


def store_event(connection: Connection, happened: Event) -> None:
    """Store an event; texts that no database takes as they are get cut and marked."""
    account_id = happened.account_id
    values = {
        "at": happened.at,
        "name": storable(happened.name, _LONGEST["name"]),
        "worker": storable(happened.worker, _LONGEST["worker"]),
        "account_id": account_id and storable(account_id, _LONGEST["account_id"]),
        "details": {
            storable(name, _LONGEST_DETAIL): storable(text, _LONGEST_DETAIL)
            for name, text in happened.details.items()
        },
    }
    connection.execute(_STORE, values)


def storable(text: str, longest: int) -> str:
    """Return `text` without NUL and lone surrogates, marked by … where it was longer.

    PostgreSQL refuses all three, and an attempt at what is not allowed must not go unrecorded.
    """
    kept = text[: longest + 1].replace("\0", "\N{REPLACEMENT CHARACTER}")
    kept = kept.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


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
    """Return whether this notice is to be given now: to one of all workers, once in `seconds`."""
    now = database_now()
    renewed = connection.execute(
        update(notice)
        .where(
            notice.c.name == name,
            # One from the future was given before a clock was set back.
            or_(notice.c.given_at < now - seconds, notice.c.given_at > now),
        )
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
    """Return whether this notice was given within the last `seconds`."""
    now = database_now()
    query = select(notice.c.name).where(
        notice.c.name == name, notice.c.given_at.between(now - seconds, now)
    )
    return connection.scalar(query) is not None


def delete_notices(connection: Connection, *, seconds: float) -> int:
    """Forget the notices that were given longer ago; return how many there were."""
    old = notice.c.given_at < database_now() - seconds
    return connection.execute(delete(notice).where(old)).rowcount
