"""Queries of the scheduled jobs and the health checks, which decide what follows from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, or_, select, update

from .clock import database_now
from .grants import LONGEST_WAIT
from .tables import account, attempt, grant

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection


def grants_to_renew(connection: Connection, *, unused: float, refused: float) -> list[str]:
    """Return the accounts to renew: `unused` for so many seconds, or `refused` as long ago.

    An access token lives about an hour, so that is when its grant was last used or renewed too.
    The ones that were tried last come last: what failed stands in nobody's way the next time.
    """
    now = database_now()
    not_waiting = or_(
        grant.c.not_before <= now,
        # As `TokenRow.wait_left` has it: from before a clock was set back.
        grant.c.not_before > now + LONGEST_WAIT,
        grant.c.wait_set_at > now,
    )
    due = or_(
        and_(grant.c.refused.is_(None), grant.c.expires_at < now - unused),
        and_(
            grant.c.refused.is_not(None),
            or_(
                grant.c.tried_at.is_(None),
                grant.c.tried_at <= now - refused,
                grant.c.tried_at > now,
            ),
        ),
    )
    query = (
        select(grant.c.account_id)
        .where(not_waiting, due)
        .order_by(func.coalesce(grant.c.tried_at, 0), grant.c.expires_at, grant.c.account_id)
    )
    return list(connection.scalars(query))


def note_tried(connection: Connection, account_id: str) -> None:
    """Let an account stand behind the others in `grants_to_renew`."""
    connection.execute(
        update(grant).where(grant.c.account_id == account_id).values(tried_at=database_now())
    )


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
