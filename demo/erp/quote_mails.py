"""The mails that workers meant to send with a quote, stored before the mail plugin is called.

A click is stored in the ERP's own transaction, with the `request_id` under which the mail plugin
sends one mail for ever: an ERP that dies in between calls again at its next start.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from .database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteMail:
    """One mail that was meant to be sent. `delivery` is its id in the outbox, once it has one.

    `refused` says why the mail plugin will never take it.
    """

    request_id: str
    quote: int
    version: int
    account: str
    recipients: str
    subject: str
    text: str = field(repr=False)
    file_name: str
    file: bytes = field(repr=False)
    previewed: str
    worker: str
    at: float
    delivery: str = ""
    refused: str = ""

    def says_the_same(self, other: QuoteMail) -> bool:
        """Return whether both would send the same mail; who pressed the button, and when, aside."""
        mine = replace(
            self, worker=other.worker, at=other.at, delivery=other.delivery, refused=other.refused
        )
        return mine == other


_COLUMNS = tuple(each.name for each in fields(QuoteMail))
_INSERT = (
    f"INSERT OR IGNORE INTO host_quote_mail ({', '.join(_COLUMNS)})"  # noqa: S608 - our own names
    f" VALUES ({', '.join(':' + name for name in _COLUMNS)})"
)


class QuoteMails:
    """The table ``host_quote_mail``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def intend(self, mail: QuoteMail) -> QuoteMail:
        """Store what is about to be sent; return what is stored under this id, maybe before."""
        with self._database.transaction() as connection:
            connection.execute(_INSERT, asdict(mail))
            row = connection.execute(
                "SELECT * FROM host_quote_mail WHERE request_id = ?", (mail.request_id,)
            ).fetchone()
        return _mail(row)

    def settle(self, request_id: str, delivery: str) -> None:
        """Note the mail's id in the outbox."""
        self._change(request_id, "delivery", delivery)

    def refuse(self, request_id: str, why: str) -> None:
        """Note that the mail plugin does not take this mail."""
        self._change(request_id, "refused", why)

    def _change(self, request_id: str, column: str, value: str) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                f"UPDATE host_quote_mail SET {column} = ? WHERE request_id = ?",  # noqa: S608 - our own names
                (value, request_id),
            )

    def forget(self, request_id: str) -> None:
        """Delete what was meant and never reached the outbox."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM host_quote_mail WHERE request_id = ? AND delivery = ''", (request_id,)
            )

    def not_handed_over(self, *, before: float) -> tuple[QuoteMail, ...]:
        """Return what was meant before a time (Unix seconds) and is neither queued nor refused."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM host_quote_mail WHERE delivery = '' AND refused = '' AND at < ?"
                " ORDER BY at",
                (before,),
            ).fetchall()
        return tuple(map(_mail, rows))

    def without_delivery(self, quote_id: int) -> tuple[QuoteMail, ...]:
        """Return the quote's mails that are in no outbox, the newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM host_quote_mail WHERE delivery = '' AND quote = ? ORDER BY at DESC",
                (quote_id,),
            ).fetchall()
        return tuple(map(_mail, rows))


def _mail(row: sqlite3.Row) -> QuoteMail:
    return QuoteMail(**dict(row))
