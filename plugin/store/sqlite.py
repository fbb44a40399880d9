"""SQLite as the plugin uses it: a file of its own, for its user only, in WAL mode."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event

from ..errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

BUSY_SECONDS = 15.0
_OURS = ("m365_", "sqlite_")


def create_sqlite(url: URL) -> Engine:
    """Return an engine for the file of `url`, which is made if it is not there.

    Raises ``StoreError`` for no file, for a folder that cannot be made, and for a file with tables
    of others: the host's writes and ours would wait for each other, and its file be left in WAL.
    """
    if url.database in {None, "", ":memory:"}:
        raise StoreError("database_url_names_no_file")
    file = Path(str(url.database))
    _refuse_tables_of_others(file)
    try:
        _make_private(file)
    except OSError as err:
        reason = err.strerror or type(err).__name__
        raise StoreError("database_folder_not_made", reason=reason, file=str(file.parent)) from err
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _refuse_tables_of_others(file: Path) -> None:
    if not file.is_file():
        return
    query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as found:
            names = [str(name) for (name,) in found.execute(query)]
    except sqlite3.Error:
        return  # what is wrong with it shows when it is opened
    others = [name for name in names if not name.startswith(_OURS)]
    if others:
        raise StoreError("database_of_the_host", file=str(file), name=others[0])


def _make_private(file: Path) -> None:
    """Make file and folders for their user alone, whatever the umask; leave those that are there.

    SQLite gives its files beside this one (-wal, -shm) the same mode.
    """
    for folder in reversed(file.absolute().parents):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    if not file.exists():
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))


def _configure(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    _set(connection, "busy_timeout", round(options.get("m365_patience", BUSY_SECONDS) * 1000))
    if not options.get("m365_write"):
        # A deferred BEGIN takes no lock, so there is no error to translate.
        _execute(connection, "BEGIN")
        return
    _set(connection, "synchronous", "FULL" if options.get("m365_lasting", True) else "NORMAL")
    # A read that becomes a write fails at once in WAL mode, whatever the time-out.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _set(connection: Connection, pragma: str, value: str | int) -> None:
    """Set a pragma of this connection, unless it has the value already."""
    known = connection.connection.info.setdefault("m365_pragmas", {})
    if known.get(pragma) != value:
        _execute(connection, f"PRAGMA {pragma} = {value}")
        known[pragma] = value


def _execute(connection: Connection, statement: str) -> None:
    """Execute on the raw connection: SQLAlchemy's result object is half of a read's cost."""
    cursor = connection.connection.cursor()
    cursor.execute(statement)
    cursor.close()
