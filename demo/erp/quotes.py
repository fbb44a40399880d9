"""Quotes: the documents of this ERP that are sent to customers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from .database import Database

#: How much longer a new version holds.
_LONGER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a quote; `price` is that of one piece, in cents."""

    text: str
    pieces: int
    price: int

    @property
    def total(self) -> int:
        """The line's price, in cents."""
        return self.pieces * self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One quote; `version` counts its changes, and each version may be sent."""

    id: int
    number: str
    customer: str
    address: str
    title: str
    items: Sequence[Item]
    valid_until: date
    version: int = 1

    @property
    def document(self) -> str:
        """What the mail plugin knows the quote by."""
        return f"quote:{self.id}"

    @property
    def total(self) -> int:
        """The price of all items, in cents."""
        return sum(item.total for item in self.items)


#: What a new database begins with.
SEEDS = (
    Quote(
        id=4711,
        number="Q-2026-0117",
        customer="Fabrikam",
        address="purchasing@fabrikam.example.com",
        title="Office chairs for the Lyon branch",
        items=(
            Item("Office chair “Contour”", 12, 32_900),
            Item("Delivery and assembly", 1, 18_000),
        ),
        valid_until=date(2026, 12, 31),
    ),
    Quote(
        id=4712,
        number="Q-2026-0118",
        customer="Northwind Traders",
        address="office@northwind.example.com",
        title="Standing desks",
        items=(Item("Standing desk, 160 by 80 cm", 4, 54_500),),
        valid_until=date(2026, 12, 31),
    ),
    Quote(
        id=4713,
        number="Q-2026-0119",
        customer="Adventure Works",
        address="hello@adventure-works.example.com",
        title="Meeting room “Skagerrak”",
        items=(Item("Meeting table", 1, 148_000), Item("Conference chair", 10, 21_900)),
        valid_until=date(2026, 12, 31),
        version=2,
    ),
)


class Quotes:
    """The table ``host_quote``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, seeds: Iterable[Quote] = SEEDS) -> None:
        """Add quotes; those that are there stay as they are."""
        rows = [
            {
                **asdict(quote),
                "items": json.dumps([[item.text, item.pieces, item.price] for item in quote.items]),
                "valid_until": quote.valid_until.isoformat(),
            }
            for quote in seeds
        ]
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO host_quote (id, number, customer, address, title, items,"
                " valid_until, version) VALUES (:id, :number, :customer, :address, :title, :items,"
                " :valid_until, :version)",
                rows,
            )

    def list(self) -> tuple[Quote, ...]:
        """List the quotes, the newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT * FROM host_quote ORDER BY id DESC").fetchall()
        return tuple(map(_quote, rows))

    def find(self, quote_id: int) -> Quote | None:
        """Return one quote, or None."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT * FROM host_quote WHERE id = ?", (quote_id,)
            ).fetchone()
        return _quote(row) if row else None

    def renew(self, quote: Quote) -> bool:
        """Make the next version, which holds longer; return False if `quote` is an old one."""
        until = (quote.valid_until + _LONGER).isoformat()
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE host_quote SET version = version + 1, valid_until = ?"
                " WHERE id = ? AND version = ?",
                (until, quote.id, quote.version),
            )
        return changed.rowcount == 1


def _quote(row: sqlite3.Row) -> Quote:
    return Quote(
        **{
            **dict(row),
            "items": tuple(Item(*each) for each in json.loads(row["items"])),
            "valid_until": date.fromisoformat(row["valid_until"]),
        }
    )
