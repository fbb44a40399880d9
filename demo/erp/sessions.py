"""Server-side sessions: a signed cookie names a row; the row knows worker, CSRF token, notes."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from itsdangerous import BadSignature, TimestampSigner

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from .database import Database

SECONDS = 12 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser's session; `worker` is empty until somebody has logged in."""

    cookie: str = field(repr=False)
    key: str = field(repr=False)
    worker: str
    csrf: str = field(repr=False)


class Sessions:
    """The sessions of one host. Cookies are stored as hashes only: a stolen file opens none."""

    def __init__(self, database: Database, signing_key: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._signer = TimestampSigner(signing_key, salt="session")
        self._now = now

    def begin(self, worker: str = "") -> Session:
        """Start a session; forget those that have ended."""
        cookie = self._signer.sign(secrets.token_urlsafe(32)).decode()
        now = self._now().timestamp()
        row = (_key(cookie), worker, secrets.token_urlsafe(32))
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM host_visit WHERE ends < ?", (now,))
            connection.execute("INSERT INTO host_visit VALUES (?, ?, ?, ?)", (*row, now + SECONDS))
        return Session(cookie=cookie, key=row[0], worker=row[1], csrf=row[2])

    def load(self, cookie: str) -> Session | None:
        """Return the session that a cookie names, or None for a forged or an old one."""
        try:
            self._signer.unsign(cookie, max_age=SECONDS)
        except BadSignature:
            return None
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT worker, csrf FROM host_visit WHERE id = ? AND ends >= ?",
                (_key(cookie), self._now().timestamp()),
            ).fetchone()
        return Session(cookie=cookie, key=_key(cookie), **dict(row)) if row else None

    def end(self, session: Session) -> None:
        """Log out: the cookie names nothing any more."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM host_visit WHERE id = ?", (session.key,))

    def put(self, session: Session, name: str, value: Any) -> None:
        """Keep a plain value for a later page of this session; after its end, nothing is kept."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO host_kept SELECT id, ?, ? FROM host_visit WHERE id = ?",
                (name, json.dumps(value), session.key),
            )

    def get(self, session: Session, name: str) -> Any:
        """Return what was kept under `name`, or None."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT value FROM host_kept WHERE visit = ? AND name = ?",
                (session.key, name),
            ).fetchone()
        return json.loads(row["value"]) if row else None

    def take(self, session: Session, name: str) -> Any:
        """Return what was kept under `name` and forget it."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "DELETE FROM host_kept WHERE visit = ? AND name = ? RETURNING value",
                (session.key, name),
            ).fetchone()
        return json.loads(row["value"]) if row else None


def _key(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
