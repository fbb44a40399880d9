"""Queries of the scheduled jobs and the health checks. What follows from them is theirs to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from .clock import database_now
from .tables import account, attempt, grant

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def unused_grants(connection: Connection, *, seconds: float) -> list[str]:
    """Return the accounts whose token ran out that long ago, the longest unused first.

    An access token lives about an hour, so that is when its grant was last used or renewed too.
    """
    now = database_now()
    query = (
        select(grant.c.account_id)
        .where(
            grant.c.expires_at < now - seconds,
            grant.c.not_before <= now,
            grant.c.refused.is_(None),
        )
        .order_by(grant.c.expires_at)
    )
    return list(connection.scalars(query))


def names_to_sign_in(connection: Connection) -> list[str]:
    """Return the names of the accounts whose grant Microsoft refused."""
    query = select(account.c.name).join(grant).where(grant.c.refused.is_not(None))
    return list(connection.scalars(query.order_by(account.c.name_key)))


def delete_attempts(connection: Connection, *, before: datetime) -> int:
    """Delete the sign-ins that ran out earlier; return how many there were."""
    return connection.execute(delete(attempt).where(attempt.c.expires_at < before)).rowcount


def database_time(connection: Connection) -> float:
    """Return the database's clock, in seconds since 1970."""
    return float(connection.scalar(select(database_now())) or 0.0)
