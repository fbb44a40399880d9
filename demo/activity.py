"""The host's end of ``salesorder_event``: it keeps the last events, for "Recent activity"."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ..hooks.spec import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..hooks.host import Host
    from ..schemas.event import Event
    from .database import Database

KEPT = 1000

#: What the plugin's events say to a worker.
_TEXTS = {
    "mail_account_created": "Account created",
    "mail_account_updated": "Settings saved",
    "mail_account_deleted": "Account deleted",
    "mail_account_tested": "Connection tested",
    "mail_account_folders_mapped": "Folder mappings saved",
    "authn_token_deleted": "Disconnected",
    "authn_login_begin": "Sign-in begun",
    "authn_login_success": "Signed in with Microsoft",
    "authn_login_fail": "Sign-in failed",
    "authn_token_revoked": "Microsoft took the sign-in back",
    "authz_consent_begin": "Administrator's consent asked for",
    "authz_consent_granted": "Administrator's consent given",
    "authz_fail": "Refused: a permission is missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One kept event."""

    name: str
    at: datetime
    worker: str
    details: Mapping[str, str]


def tell(name: str) -> str:
    """Return what an event says to a worker; one that this host does not know, by its name."""
    return _TEXTS.get(name) or name.replace("_", " ").capitalize()


class Activity:
    """The host's own plugin object. One process may serve many hosts: others' events are left."""

    def __init__(self, host_name: str, database: Database) -> None:
        self._host_name = host_name
        self._database = database

    @hookimpl
    def salesorder_event(self, host: Host, event: Event) -> None:
        """Keep the event; forget the oldest."""
        if host.name != self._host_name:
            return
        row = (
            event.name,
            event.at.isoformat(),
            event.worker,
            event.account_id,
            json.dumps(dict(event.details)),
        )
        with self._database.transaction() as connection:
            number = connection.execute(
                "INSERT INTO host_event (name, at, worker, account, details)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            ).lastrowid
            connection.execute("DELETE FROM host_event WHERE number <= ?", ((number or 0) - KEPT,))

    def last(self, account_id: str, count: int = 6) -> list[Happening]:
        """Return an account's last events, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT name, at, worker, details FROM host_event WHERE account = ?"
                " ORDER BY number DESC LIMIT ?",
                (account_id, count),
            ).fetchall()
        return [
            Happening(
                name=row["name"],
                at=datetime.fromisoformat(row["at"]),
                worker=row["worker"],
                details=json.loads(row["details"]),
            )
            for row in rows
        ]
