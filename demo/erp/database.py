"""The host's own tables, in the database file that the plugin's tables lie in as well."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TABLES = """
CREATE TABLE IF NOT EXISTS host_visit (
    id TEXT PRIMARY KEY, worker TEXT NOT NULL, csrf TEXT NOT NULL, ends REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS host_kept (
    visit TEXT NOT NULL REFERENCES host_visit (id) ON DELETE CASCADE,
    name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (visit, name)
);
CREATE TABLE IF NOT EXISTS host_generic_account (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, sender_name TEXT NOT NULL, address TEXT NOT NULL,
    username TEXT NOT NULL, password TEXT NOT NULL, incoming TEXT NOT NULL, outgoing TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS host_mail_use (purpose TEXT PRIMARY KEY, account TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS host_quote (
    id INTEGER PRIMARY KEY, number TEXT NOT NULL, customer TEXT NOT NULL, address TEXT NOT NULL,
    title TEXT NOT NULL, items TEXT NOT NULL, valid_until TEXT NOT NULL, version INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS host_quote_mail (
    request_id TEXT PRIMARY KEY, quote INTEGER NOT NULL REFERENCES host_quote (id),
    version INTEGER NOT NULL, account TEXT NOT NULL, recipients TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, file_name TEXT NOT NULL, file BLOB NOT NULL,
    previewed TEXT NOT NULL, worker TEXT NOT NULL, at REAL NOT NULL,
    delivery TEXT NOT NULL DEFAULT '', refused TEXT NOT NULL DEFAULT ''
);
"""


class Database:
    """One SQLite file. A connection lives for one block, so every thread may use it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_TABLES)

    @property
    def url(self) -> str:
        """The mail plugin's own file beside it, as SQLAlchemy names it."""
        return f"sqlite:///{self.path.with_name('m365.sqlite3')}"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give a connection; commit at the end of the block, roll back if it raises."""
        with closing(sqlite3.connect(self.path, timeout=5)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            with connection:
                yield connection
