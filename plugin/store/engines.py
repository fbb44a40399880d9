"""One engine per process and database, opened at first use and migrated before it is handed out."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..errors import StoreError
from .upgrade import current_revision, ensure_current

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUSY_SECONDS = 15.0
_lock = threading.Lock()
_engines: dict[tuple[int, str, str], Engine] = {}


def engine_for(host_name: str, database_url: str) -> Engine:
    """Return the engine of one host in this process, at the current schema.

    Raises ``StoreError`` if the database cannot be opened or is newer than this plugin.
    """
    # The process id is part of the key: connections must not be shared over a fork.
    key = (os.getpid(), host_name, database_url)
    with _lock:
        if key not in _engines:
            engine = _create(database_url)
            try:
                ensure_current(engine)
            except StoreError:
                engine.dispose()
                raise
            except SQLAlchemyError as err:
                engine.dispose()
                reason = _cause(err)
                raise StoreError("database_not_opened", name=host_name, reason=reason) from err
            _engines[key] = engine
        return _engines[key]


def stored_revision(database_url: str) -> str | None:
    """Return the schema's revision and change nothing; None for a database that is not set up.

    Raises ``StoreError`` if the database cannot be opened.
    """
    if _is_absent_file(database_url):
        return None
    engine = _create(database_url)
    try:
        with reading(engine) as connection:
            return current_revision(connection)
    finally:
        engine.dispose()


def _is_absent_file(database_url: str) -> bool:
    try:
        url = make_url(database_url)
    except ArgumentError:
        return False  # `_create` says what is wrong
    file = url.database if url.get_backend_name() == "sqlite" else None
    return file not in {None, "", ":memory:"} and not Path(str(file)).exists()


def dispose_engines() -> None:
    """Close all connections of this process: for a host that shuts down, and for tests."""
    with _lock:
        for engine in _engines.values():
            engine.dispose()
        _engines.clear()


@contextmanager
def writing(
    engine: Engine, *, patience: float = _BUSY_SECONDS, lasting: bool = True
) -> Iterator[Connection]:
    """Open a transaction that will write: it holds SQLite's write lock from the start.

    It waits `patience` seconds for that lock. What need not be `lasting` may be lost, whole, in a
    power cut: SQLite does not wait for the disk then.
    """
    options = {"m365_write": True, "m365_patience": patience, "m365_lasting": lasting}
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as err:
        raise StoreError("change_not_stored", reason=_cause(err)) from err


@contextmanager
def reading(engine: Engine, *, once: bool = False) -> Iterator[Connection]:
    """Open a transaction that only reads.

    What is read by one query, `once`, needs none: PostgreSQL is spared its beginning and its end.
    """
    bare = once and engine.dialect.name == "postgresql"
    options = {"isolation_level": "AUTOCOMMIT"} if bare else {}
    try:
        with engine.connect().execution_options(**options) as connection:
            yield connection
    except SQLAlchemyError as err:
        raise StoreError("database_silent", reason=_cause(err)) from err


def _cause(err: SQLAlchemyError) -> str:
    # Not str(err): it holds the statement with its parameters.
    original = getattr(err, "orig", None)
    said = str(original or "").strip() or type(original or err).__name__
    return said.splitlines()[0][:200].rstrip(".")


def _create(database_url: str) -> Engine:
    try:
        url = make_url(database_url)
        if url.get_backend_name() == "sqlite":
            return _create_sqlite(database_url)
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as err:
        raise StoreError("database_url_unusable") from err


def _create_sqlite(database_url: str) -> Engine:
    url = make_url(database_url)
    if url.database in {None, "", ":memory:"}:
        raise StoreError("database_url_names_no_file")
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        reason = err.strerror or type(err).__name__
        raise StoreError("database_folder_not_made", reason=reason, file=str(folder)) from err
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours, see _begin
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # a commit survives a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        _set(connection, "busy_timeout", round(options.get("m365_patience", _BUSY_SECONDS) * 1000))
        if not options.get("m365_write"):
            # A deferred BEGIN takes no lock, so there is no error to translate.
            _say(connection, "BEGIN")
            return
        _set(connection, "synchronous", "FULL" if options.get("m365_lasting", True) else "NORMAL")
        # A read that becomes a write fails at once in WAL mode, whatever the time-out.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _set(connection: Connection, pragma: str, value: str | int) -> None:
    """Set a pragma of this connection, unless it has the value already."""
    known = connection.connection.info.setdefault("m365_pragmas", {})
    if known.get(pragma) != value:
        _say(connection, f"PRAGMA {pragma} = {value}")
        known[pragma] = value


def _say(connection: Connection, statement: str) -> None:
    """Say it past SQLAlchemy, which makes a result of each statement: half of a read's cost."""
    cursor = connection.connection.cursor()
    cursor.execute(statement)
    cursor.close()
