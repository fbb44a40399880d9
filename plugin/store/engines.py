"""One engine per process and database, opened at first use and migrated before it is handed out."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from ..errors import StoreError
from .forks import SQLITE
from .idle import IDLE
from .sqlite import BUSY_SECONDS, create_sqlite
from .upgrade import current_revision, ensure_current

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds after which an engine that is not used closes its connections.
IDLE_SECONDS = 30.0
_lock = threading.Lock()
_engines: dict[tuple[int, str, str], Engine] = {}


def engine_for(host_name: str, database_url: str, *, idle_seconds: float = IDLE_SECONDS) -> Engine:
    """Return the engine of one host in this process, at the current schema.

    A thread takes one connection while it works, and what nobody used for `idle_seconds` is closed.

    Raises ``StoreError`` if the database cannot be opened or is newer than this plugin.
    """
    # The process id is part of the key: connections must not be shared over a fork.
    key = (os.getpid(), host_name, database_url)
    # No fork comes in between, whose child would find the lock held for ever.
    with SQLITE.passed(), _lock:
        if key not in _engines:
            engine = _create(database_url)
            try:
                with _gate(engine):
                    ensure_current(engine)
            except StoreError:
                engine.dispose()
                raise
            except SQLAlchemyError as err:
                engine.dispose()
                reason = _cause(err)
                raise StoreError("database_not_opened", name=host_name, reason=reason) from err
            _engines[key] = engine
            IDLE.watch(engine, partial(_close, engine), idle_seconds)
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
    """Close all connections of this process, when a host shuts down and after tests."""
    IDLE.forget()
    with _lock:
        for engine in _engines.values():
            _close(engine)
        _engines.clear()


def _close(engine: Engine) -> None:
    with _gate(engine):
        engine.dispose()


@contextmanager
def _gate(engine: Engine) -> Iterator[None]:
    """Keep out of SQLite while the process forks."""
    with SQLITE.passed() if engine.dialect.name == "sqlite" else nullcontext():
        yield


@contextmanager
def _used(engine: Engine) -> Iterator[None]:
    try:
        with _gate(engine):
            yield
    finally:
        IDLE.touch(engine)


@contextmanager
def writing(
    engine: Engine, *, patience: float = BUSY_SECONDS, lasting: bool = True
) -> Iterator[Connection]:
    """Open a transaction that will write: it holds SQLite's write lock from the start.

    It waits `patience` seconds for that lock. What need not be `lasting` may be lost, whole, in a
    power cut: SQLite does not wait for the disk then.
    """
    options = {"m365_write": True, "m365_patience": patience, "m365_lasting": lasting}
    try:
        with (
            _used(engine),
            engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
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
        with _used(engine), engine.connect().execution_options(**options) as connection:
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
            return create_sqlite(url)
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    except (ArgumentError, NoSuchModuleError, ImportError) as err:
        raise StoreError("database_url_unusable") from err
