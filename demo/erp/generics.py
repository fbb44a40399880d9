"""The host's own Generic accounts: server, user name and password, and what in the ERP uses them.

The four methods at the end are the part of `hooks.GenericHost` that is the database's.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...schemas.generic import GenericAccount

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from .database import Database

_COLUMNS = ("name", "sender_name", "address", "username", "password", "incoming", "outgoing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A Generic account that a new database begins with."""

    id: str
    name: str
    address: str
    used_by: tuple[str, ...]
    username: str = ""


#: As a company's would be after some years: a shared mailbox, one without address, one elsewhere.
SEEDS = (
    Seed(
        id="generic:1",
        name="Sales desk",
        address="sales@contoso.test",
        used_by=("Order confirmations", "Quotations"),
    ),
    Seed(
        id="generic:2",
        name="Purchasing",
        address="purchasing@contoso.test",
        used_by=("Purchase orders",),
    ),
    Seed(
        id="generic:3",
        name="Accounts receivable",
        address="invoices@contoso.test",
        used_by=("Invoices", "Payment reminders"),
    ),
    Seed(
        id="generic:4",
        name="Information",
        address="info@contoso.test",
        username="sales@contoso.test",
        used_by=("Web enquiries",),
    ),
    Seed(id="generic:5", name="Newsletter 2019", address="", used_by=()),
    Seed(id="generic:6", name="Night alarms", address="alarms@example.com", used_by=("Alarms",)),
)


class Generics:
    """The tables ``host_generic_account`` and ``host_mail_use``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, seeds: Iterable[Seed] = SEEDS) -> None:
        """Add accounts as somebody once set them up."""
        with self._database.transaction() as connection:
            for seed in seeds:
                values = {
                    "name": seed.name,
                    "sender_name": seed.name,
                    "address": seed.address,
                    "username": seed.username or seed.address,
                    "password": secrets.token_urlsafe(9),
                    "incoming": "imap.contoso.test:993",
                    "outgoing": "smtp.contoso.test:587",
                }
                _insert(connection, seed.id, values, seed.used_by)

    def count(self) -> int:
        """Return how many there are."""
        with self._database.transaction() as connection:
            (found,) = connection.execute("SELECT COUNT(*) FROM host_generic_account").fetchone()
        return int(found)

    def uses(self, account: str) -> tuple[str, ...]:
        """Return what in the ERP sends or reads through an account, Generic or not."""
        with self._database.transaction() as connection:
            return _uses(connection, account)

    def list(self) -> tuple[GenericAccount, ...]:
        """Return all, without passwords."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT * FROM host_generic_account ORDER BY id").fetchall()
            return tuple(
                GenericAccount(
                    id=row["id"],
                    name=row["name"],
                    address=row["address"],
                    sender_name=row["sender_name"],
                    username=row["username"],
                    used_by=_uses(connection, row["id"]),
                )
                for row in rows
            )

    def export(self, generic_id: str) -> str | None:
        """Return everything about one account, its password and its uses too."""
        with self._database.transaction() as connection:
            return _export(connection, generic_id)

    def delete(self, generic_id: str, settings: str, successor: str) -> bool:
        """Delete an account that is still as in `settings`; its uses go to `successor`."""
        with self._database.transaction() as connection:
            # Taken before the look, so that nobody changes the account between look and deletion.
            connection.execute("BEGIN IMMEDIATE")
            stored = _export(connection, generic_id)
            if stored is None or stored != settings:
                return stored is None
            connection.execute("DELETE FROM host_generic_account WHERE id = ?", (generic_id,))
            connection.execute(
                "UPDATE host_mail_use SET account = ? WHERE account = ?", (successor, generic_id)
            )
            return True

    def change(self, generic_id: str, values: Mapping[str, str]) -> None:
        """Change texts of one account: `name`, `sender_name`, `address`, `username`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE host_generic_account SET name = :name, sender_name = :sender_name,"
                " address = :address, username = :username WHERE id = :id",
                {**values, "id": generic_id},
            )

    def remove(self, generic_id: str) -> None:
        """Delete an account and what used it, without a successor."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM host_generic_account WHERE id = ?", (generic_id,))
            connection.execute("DELETE FROM host_mail_use WHERE account = ?", (generic_id,))

    def put_back(self, generic_id: str, settings: str) -> None:
        """Make an account again; one that is there stays as it is."""
        values = json.loads(settings)
        uses = values.pop("used_by")
        with self._database.transaction() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _export(connection, generic_id) is None:
                _insert(connection, generic_id, values, uses)


def _uses(connection: sqlite3.Connection, account: str) -> tuple[str, ...]:
    rows = connection.execute(
        "SELECT purpose FROM host_mail_use WHERE account = ? ORDER BY purpose", (account,)
    )
    return tuple(row["purpose"] for row in rows)


def _export(connection: sqlite3.Connection, generic_id: str) -> str | None:
    row = connection.execute(
        "SELECT * FROM host_generic_account WHERE id = ?", (generic_id,)
    ).fetchone()
    if row is None:
        return None
    values: dict[str, Any] = {name: row[name] for name in _COLUMNS}
    return json.dumps({**values, "used_by": _uses(connection, generic_id)})


def _insert(
    connection: sqlite3.Connection,
    generic_id: str,
    values: dict[str, str],
    uses: Iterable[str],
) -> None:
    connection.execute(
        "INSERT INTO host_generic_account"
        " (id, name, sender_name, address, username, password, incoming, outgoing)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (generic_id, *(values[name] for name in _COLUMNS)),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO host_mail_use (purpose, account) VALUES (?, ?)",
        [(purpose, generic_id) for purpose in uses],
    )
