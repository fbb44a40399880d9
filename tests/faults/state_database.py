"""Faults of the database: D1, SQLite is locked; D2, PostgreSQL is restarted."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

from salesorder_m365.plugin.store import engines, grants
from salesorder_m365.plugin.vault import leasing
from sqlalchemy import text
from sqlalchemy.engine import make_url

from .bench import Bench
from .registry import POSTGRESQL, SQLITE, fault


@contextmanager
def locked(bench: Bench) -> Iterator[None]:
    """Hold SQLite's write lock, as another program may."""
    connection = sqlite3.connect(str(make_url(bench.url).database), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.close()


def impatient() -> Any:
    """Let the vault wait 0.3 s for SQLite's lock instead of 15."""
    return patch.object(leasing, "writing", partial(engines.writing, patience=0.3))


@fault(
    "D1",
    "the database is locked for half a second",
    expected={"answer": "token", "POSTs": 1},
    on=(SQLITE,),
)
def locked_for_a_while(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    with locked(bench):
        call = bench.asking()
        time.sleep(0.5)
    return {"answer": call.result().kind, "POSTs": bench.posts}


@fault(
    "D1",
    "locked longer than SQLite waits",
    expected={
        "valid token": "token",
        "one that runs out in a minute": "token",
        "no token": "StoreError",
        "POSTs": 0,
        "grant": "unchanged",
        "next call": "token",
    },
    on=(SQLITE,),
)
def locked_for_long(bench: Bench) -> Mapping[str, Any]:
    assert bench.account
    with locked(bench), impatient():
        valid = bench.ask()
    bench.expire(left=60)
    with locked(bench), impatient():
        old = bench.ask()
    bench.expire()
    kept = bench.kept()
    with locked(bench), impatient():
        answer = bench.ask()
    return {
        "valid token": valid.kind,
        "one that runs out in a minute": old.kind,
        "no token": answer.kind,
        "POSTs": bench.posts,
        "grant": "unchanged" if bench.kept() == kept else "CHANGED",
        "next call": bench.ask().kind,
    }


@fault(
    "D1",
    "locked when the new token is to be written",
    expected={"answer": "token", "POSTs": 1, "it is": "the stored one"},
    on=(SQLITE,),
)
def locked_at_the_write(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(passes=True, delay=0.4)
    with impatient():
        call = bench.asking()
        bench.await_posts(1)
        with locked(bench):
            time.sleep(1.0)
        return bench.against_stored(call.result())


@contextmanager
def at_the_write(act: Callable[[], None]) -> Iterator[None]:
    """Do something once when the new token is written and not yet committed."""
    write, done = grants.write_tokens, []

    def patched(*arguments: Any) -> bool:
        kept = write(*arguments)
        if not done:
            done.append(True)
            act()
        return kept

    with patch.object(grants, "write_tokens", patched):
        yield


@fault(
    "D2",
    "restarted between the new token's UPDATE and its COMMIT",
    expected={"answer": "token", "POSTs": 1, "it is": "the stored one"},
    on=(POSTGRESQL,),
)
def restarted_in_transaction(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    with at_the_write(bench.lab.postgres.restart):
        answer = bench.ask()
    return bench.against_stored(answer)


@fault(
    "D2",
    "restarted during the POST",
    expected={"answer": "token", "POSTs": 1, "it is": "the stored one"},
    on=(POSTGRESQL,),
)
def restarted_during_post(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(passes=True, delay=1.5)
    call = bench.asking()
    bench.await_posts(1)
    bench.lab.postgres.restart()
    return bench.against_stored(call.result())


@fault(
    "D2",
    "the connection is lost after the COMMIT, before its answer",
    expected={"answer": "token", "POSTs": 1, "it is": "the stored one"},
)
def commit_unknown(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    write, calls = grants.write_tokens, []

    def committed_yet_failed(connection: Any, *arguments: Any) -> bool:
        kept = write(connection, *arguments)
        if not calls:
            calls.append(True)
            connection.commit()
            connection.execute(text("SELECT no_such_column"))  # a StoreError for the caller
        return kept

    with patch.object(grants, "write_tokens", committed_yet_failed):
        answer = bench.ask()
    return bench.against_stored(answer)


@fault(
    "D2",
    "stopped, asked, started again",
    expected={
        "stopped": "StoreError",
        "POSTs": 0,
        "grant": "unchanged",
        "next call": "token",
    },
    on=(POSTGRESQL,),
)
def stopped(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    kept = bench.kept()
    bench.lab.postgres.stop()
    try:
        answer = bench.ask()
    finally:
        bench.lab.postgres.start()
    return {
        "stopped": answer.kind,
        "POSTs": bench.posts,
        "grant": "unchanged" if bench.kept() == kept else "CHANGED",
        "next call": bench.ask().kind,
    }
