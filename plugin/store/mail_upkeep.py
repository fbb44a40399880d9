"""Rows of the outbox as a whole: personal data emptied, and rows that another database wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from ...schemas.delivery import DeliveryState
from .clock import database_now
from .mail_tables import delivery, mailing, recipient, trail
from .outbox import WRITING, DeliveryRow, delete_body

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_FINISHED = (DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.CANCELLED)
#: What still may happen to a mail, or to its row.
_OPEN = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNCERTAIN, WRITING)
#: What says whose mail it was, and about what. An empty digest fits every repetition.
_FORGOTTEN = {
    "account_name": "",
    "document": "",
    "request_digest": "",
    "sender": "",
    "submitter": "",
    "subject": "",
    "body_digest": "",
    "server_words": "",
    "evidence": {},
    "told": {},
    "created_by": "",
    "chunks": 0,
    "purge_at": None,
}


def to_forget(connection: Connection, before: float, limit: int) -> list[str]:
    """Return mails that were finished before that time and still have personal data."""
    query = (
        select(delivery.c.id)
        .where(
            delivery.c.state.in_(_FINISHED),
            delivery.c.finished_at < before,
            delivery.c.request_digest != "",
        )
        .limit(limit)
    )
    return list(connection.scalars(query))


def forget(connection: Connection, ids: Sequence[str]) -> None:
    """Empty the personal data of mails; id, request, Message-ID, state and finding stay."""
    for each in ids:
        delete_body(connection, each)
    for table in (recipient, trail):
        connection.execute(delete(table).where(table.c.delivery_id.in_(ids)))
    connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(**_FORGOTTEN))


# Another database's rows


def open_rows(
    connection: Connection, *, after: str, limit: int, except_of: str | None = None
) -> list[DeliveryRow]:
    """Return mails that are not finished, by id, `after` that one; not those of one origin."""
    query = select(*delivery.c).where(delivery.c.state.in_(_OPEN), delivery.c.id > after)
    if except_of is not None:
        query = query.where(delivery.c.origin != except_of)
    query = query.order_by(delivery.c.id).limit(limit)
    return [DeliveryRow(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name of it


def stored_elsewhere(connection: Connection, origin: str, limit: int) -> list[str]:
    """Return mails of another origin whose body is kept."""
    query = select(delivery.c.id).where(
        delivery.c.origin != origin, or_(delivery.c.chunks > 0, delivery.c.purge_at.is_not(None))
    )
    return list(connection.scalars(query.limit(limit)))


def drop_bodies(connection: Connection, ids: Sequence[str]) -> None:
    """Delete the bodies of mails that this database will never send."""
    for each in ids:
        delete_body(connection, each)
    gone = update(delivery).where(delivery.c.id.in_(ids))
    connection.execute(gone.values(chunks=0, purge_at=None))


def take_over(connection: Connection, origin: str) -> int:
    """Make all mails this database's own; return how many were not."""
    rows = delivery.c.origin != origin
    waiting = update(delivery).where(rows, delivery.c.state == DeliveryState.UNCERTAIN.value)
    connection.execute(waiting.values(not_before=database_now()))
    return connection.execute(update(delivery).where(rows).values(origin=origin)).rowcount


def accounts_with_open_mail(connection: Connection) -> list[str]:
    """Return the accounts whose mail is not finished."""
    query = select(delivery.c.account_id).where(delivery.c.state.in_(_OPEN)).distinct()
    return list(connection.scalars(query))


def accounts_paused_by(connection: Connection, finding: str) -> list[str]:
    """Return the accounts that are paused by that finding."""
    query = select(mailing.c.account_id).where(
        mailing.c.paused_at.is_not(None), mailing.c.finding == finding
    )
    return list(connection.scalars(query))
