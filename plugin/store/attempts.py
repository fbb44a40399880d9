"""Rows of ``m365_attempt``: a sign-in on its way, consumed by one conditional UPDATE."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from .sealing import Place
from .tables import attempt

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from .sealing import KeyRing


#: Attempts of one worker for one account that are kept: a button pressed in a loop makes more.
MOST_ATTEMPTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in or consent on its way; `purpose` is ``login`` or ``consent``."""

    state_hash: str
    purpose: str
    account_id: str
    worker: str
    browser_hash: str
    authority: str
    return_to: str
    username: str
    flow: bytes = field(repr=False)
    expires_at: datetime
    consumed_at: datetime | None = None
    #: What it led to, as plain JSON; None until `store_outcome`.
    outcome: dict[str, Any] | None = field(default=None, repr=False)

    def open_flow(self, ring: KeyRing) -> bytes:
        """Return the sealed flow (PKCE verifier and nonce)."""
        return ring.open(self.flow, flow_place(self.state_hash))

    def belongs_to(self, worker: str, browser: str) -> bool:
        """Return whether it was begun by this worker in this browser."""
        return self.worker == worker and self.was_begun_in(browser)

    def was_begun_in(self, browser: str) -> bool:
        """Return whether it was begun in this browser."""
        return self.browser_hash == digest(browser)


def digest(secret: str) -> str:
    """Return the SHA-256 by which a state or browser value is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def flow_place(state_hash: str) -> Place:
    """Return where the flow of an attempt is sealed."""
    return Place("m365_attempt", state_hash, "flow")


def store_attempt(connection: Connection, row: Attempt, *, now: datetime) -> None:
    """Store an attempt; clear those that ran out a day ago, and a worker's oldest of many."""
    connection.execute(delete(attempt).where(attempt.c.expires_at < now - timedelta(days=1)))
    mine = (attempt.c.account_id == row.account_id, attempt.c.worker == row.worker)
    newest = (
        select(attempt.c.state_hash)
        .where(*mine)
        .order_by(attempt.c.expires_at.desc(), attempt.c.state_hash)
        .limit(MOST_ATTEMPTS - 1)
    )
    connection.execute(delete(attempt).where(*mine, attempt.c.state_hash.not_in(newest)))
    connection.execute(
        insert(attempt).values(
            state_hash=row.state_hash,
            purpose=row.purpose,
            account_id=row.account_id,
            worker=row.worker,
            browser_hash=row.browser_hash,
            authority=row.authority,
            return_to=row.return_to,
            username=row.username,
            flow=row.flow,
            expires_at=row.expires_at,
        )
    )


def find_attempt(connection: Connection, state: str) -> Attempt | None:
    """Return the attempt that belongs to a state, consumed or not."""
    found = connection.execute(select(attempt).where(attempt.c.state_hash == digest(state)))
    row = found.mappings().first()
    return None if row is None else Attempt(**row)


def consume_attempt(
    connection: Connection, state: str, *, worker: str, browser: str, now: datetime
) -> bool:
    """Consume the attempt if all that it was bound to is the same; of two, one gets True."""
    consumed = connection.execute(
        update(attempt)
        .where(
            attempt.c.state_hash == digest(state),
            attempt.c.worker == worker,
            attempt.c.browser_hash == digest(browser),
            attempt.c.consumed_at.is_(None),
            attempt.c.expires_at > now,
        )
        .values(consumed_at=now)
    )
    return consumed.rowcount == 1


def store_outcome(connection: Connection, state_hash: str, outcome: dict[str, Any]) -> None:
    """Store what a consumed attempt led to, in the transaction of what it changed.

    A callback that is run again (a host that retries its transaction, a browser that repeats a
    GET) is then answered with it.
    """
    connection.execute(
        update(attempt)
        .where(attempt.c.state_hash == state_hash, attempt.c.consumed_at.is_not(None))
        .values(outcome=outcome)
    )
