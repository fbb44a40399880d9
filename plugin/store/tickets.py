"""Rows of ``m365_ticket``: a one-shot address, used up by one conditional DELETE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from .attempts import digest
from .tables import ticket

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a ticket begins, and for whom; `purpose` is ``login`` or ``consent``."""

    purpose: str
    account_id: str
    worker: str
    return_to: str
    expires_at: datetime


def store_ticket(connection: Connection, secret: str, row: Ticket, *, now: datetime) -> None:
    """Store a ticket, and clear those that ran out."""
    connection.execute(delete(ticket).where(ticket.c.expires_at <= now))
    connection.execute(
        insert(ticket).values(
            ticket_hash=digest(secret),
            purpose=row.purpose,
            account_id=row.account_id,
            worker=row.worker,
            return_to=row.return_to,
            expires_at=row.expires_at,
        )
    )


def find_ticket(connection: Connection, secret: str) -> Ticket | None:
    """Return the ticket, late or not; None if it was used or there never was one."""
    columns = [column for column in ticket.c if column is not ticket.c.ticket_hash]
    found = connection.execute(select(*columns).where(ticket.c.ticket_hash == digest(secret)))
    row = found.mappings().first()
    return None if row is None else Ticket(**row)


def use_ticket(connection: Connection, secret: str, *, worker: str, now: datetime) -> bool:
    """Use the ticket up if it is this worker's and not late; of two, one gets True."""
    used = connection.execute(
        delete(ticket).where(
            ticket.c.ticket_hash == digest(secret),
            ticket.c.worker == worker,
            ticket.c.expires_at > now,
        )
    )
    return used.rowcount == 1
