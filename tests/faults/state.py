"""Faults of the database, the disk, the processes and the keys, D1 to D9."""

import base64
import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from marshmallow import ValidationError
from salesorder_m365.plugin import rotation, vault
from salesorder_m365.plugin.errors import SealError
from salesorder_m365.plugin.store import engines, grants
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.schemas.settings import load_settings
from sqlalchemy import text
from sqlalchemy.engine import make_url

from .bench import Bench, Call
from .crowd import ask_at_once
from .registry import POSTGRESQL, SQLITE, NotHereError, fault

# --- D1: SQLite is locked -------------------------------------------------------------------


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
    return patch.object(vault, "writing", partial(engines.writing, patience=0.3))


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
        return _answered(bench, call.result())


def _answered(bench: Bench, answer: Any) -> dict[str, Any]:
    it_is = "the stored one" if answer.token == bench.stored() else "ANOTHER"
    return {"answer": answer.kind, "POSTs": bench.posts, "it is": it_is}


# --- D2: PostgreSQL is restarted ------------------------------------------------------------


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
    return _answered(bench, answer)


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
    return _answered(bench, call.result())


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
    return _answered(bench, answer)


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


# --- D3: the disk is full -------------------------------------------------------------------


def can_mount() -> bool:
    """Tell whether this process may mount a tmpfs."""
    if os.geteuid() != 0:
        return False
    probe = ("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


CAN_MOUNT = can_mount()


class SmallDisk:
    """A tmpfs that can be filled up, for a database to lie on."""

    def __init__(self, size: int) -> None:
        if not CAN_MOUNT:
            raise NotHereError("only root may mount a tmpfs")
        self.folder = Path(tempfile.mkdtemp(prefix="m365-disk-"))
        self._filler = self.folder / "filler"
        mount = ("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.folder))
        subprocess.run(mount, check=True, capture_output=True)

    def fill(self) -> None:
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def clear(self) -> None:
        self._filler.unlink(missing_ok=True)

    def unmount(self) -> None:
        # Lazily: SQLite's pooled connections may hold their files a little longer.
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        self.folder.rmdir()


def on_small_disk(first: Bench) -> tuple[Bench, SmallDisk]:
    """Return a bench whose database lies on a small disk; both go with the first one."""
    disk = SmallDisk(40_000_000 if first.database == POSTGRESQL else 2_000_000)
    first.stack.callback(disk.unmount)
    if first.database == POSTGRESQL:
        name = f"small_{os.urandom(4).hex()}"
        url = first.lab.postgres.create(name, folder=disk.folder)
        first.stack.callback(first.lab.postgres.drop, name)
    else:
        url = f"sqlite:///{disk.folder}/m365.db"
    bench = replace(first, url=url)
    first.stack.callback(bench.close)
    first.stack.callback(disk.clear)
    return bench, disk


def empty_log(bench: Bench) -> None:
    """Give back the room of SQLite's log: what it has once taken it would use again."""
    if bench.database == SQLITE:
        connection = sqlite3.connect(str(make_url(bench.url).database))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


@fault(
    "D3",
    f"full before the renewal ({'tmpfs' if CAN_MOUNT else 'stand-in: limited file size'})",
    expected={"answer": "StoreError", "POSTs": 0, "grant": "unchanged", "next call": "token"},
    on=(SQLITE,),
)
def full_before(first: Bench) -> Mapping[str, Any]:
    bench, ask = _about_to_fail(first)
    kept = bench.kept()
    answer = ask()
    return {
        "answer": answer,
        "POSTs": bench.posts,
        "grant": "unchanged" if bench.kept() == kept else "CHANGED",
        "next call": bench.ask().kind,
    }


def _about_to_fail(first: Bench) -> tuple[Bench, Callable[[], str]]:
    """Return a bench with an expired token, and how to ask for one where nothing can be written."""
    if not CAN_MOUNT:
        first.expire()
        first.engine.dispose()  # the last connection to close folds the log into the file
        job = {"do": "ask", "account": first.account, "file_limit": 1024}
        return first, lambda: str(first.worker(**job).report()["kind"])
    bench, disk = on_small_disk(first)
    bench.expire()

    def ask() -> str:
        empty_log(bench)
        disk.fill()
        try:
            return bench.ask().kind
        finally:
            disk.clear()

    return bench, ask


@fault(
    "D3",
    "full when the new token is to be written (tmpfs), {}",
    expected={"answer": "token", "POSTs": 1, "it is": "the stored one"},
    cases={"room again after a second": 1.0},
)
def full_for_a_while(first: Bench, seconds: float) -> Mapping[str, Any]:
    bench, disk = on_small_disk(first)
    call = _full_during_post(bench, disk)
    time.sleep(seconds)
    disk.clear()
    return _answered(bench, call.result())


@fault(
    "D3",
    "full when the new token is to be written (tmpfs), and it stays so",
    expected={
        "answer": "StoreError",
        "POSTs": 1,
        "grant": "unchanged",
        "next call, the lease run out": "token",
    },
)
def full_at_the_write(first: Bench) -> Mapping[str, Any]:
    bench, disk = on_small_disk(first)
    bench.expire()
    kept = bench.kept()
    answer = _full_during_post(bench, disk).result()
    posts, unchanged = bench.posts, bench.kept() == kept
    disk.clear()
    bench.let_lease_pass()
    return {
        "answer": answer.kind,
        "POSTs": posts,
        "grant": "unchanged" if unchanged else "CHANGED",
        "next call, the lease run out": bench.ask().kind,
    }


def _full_during_post(bench: Bench, disk: SmallDisk) -> Call:
    bench.expire()
    empty_log(bench)
    bench.script(passes=True, delay=0.5)
    call = bench.asking()
    bench.await_posts(1)
    disk.fill()
    return call


# --- D4, D5, D6: killed, crowded, late -------------------------------------------------------

_KILLED = {"row": "opens", "next worker": "token", "account": "connected"}
_POINTS = {
    "lease": "after taking the lease",
    "post": "during the POST",
    "answer": "after the answer, before the UPDATE",
    "write": "after the UPDATE, before the COMMIT",
    "commit": "after the COMMIT",
}


def kill_at(bench: Bench, point: str) -> None:
    """Let a process renew the token and kill it at the named point."""
    bench.expire()
    job: dict[str, Any] = {"do": "ask", "account": bench.account}
    if point == "post":
        bench.script(passes=True, delay=0.6)
        worker = bench.worker(**job)
        bench.await_posts(1)
        worker.kill()
        time.sleep(0.8)  # the endpoint goes on with what it has accepted
        return
    worker = bench.worker(**job, stop_at=point)
    assert worker.report()["at"] == point
    worker.kill()


def after_the_kill(bench: Bench) -> dict[str, Any]:
    """Ask as another worker does once the dead one's lease has run out."""
    opens = bool(bench.stored())
    bench.let_lease_pass()
    answer = bench.ask()
    return {
        "row": "opens" if opens else "LOST",
        "next worker": answer.kind,
        "account": str(bench.erp.view(bench.account).state),
    }


def _register_kills() -> None:
    posts = {"lease": 1, "post": 2, "answer": 2, "write": 2, "commit": 1}
    for point, when in _POINTS.items():

        @fault("D4", f"kill -9 {when}", expected={**_KILLED, "POSTs": posts[point]})
        def killed(bench: Bench, point: str = point) -> Mapping[str, Any]:
            kill_at(bench, point)
            return {**after_the_kill(bench), "POSTs": bench.posts}


_register_kills()


@fault(
    "D4",
    "kill -9 {}, each refresh token accepted once: grants lost",
    expected={"lost": 0},
    cases={_POINTS[point]: point for point in ("lease", "commit")},
)
@fault(
    "D4",
    "kill -9 {}, each refresh token accepted once: grants lost (the documented window)",
    expected={"lost": 1},
    cases={_POINTS[point]: point for point in ("answer", "write")},
)
def killed_strictly(bench: Bench, point: str) -> Mapping[str, Any]:
    assert bench.account
    bench.sim.tenant.policies.refresh_tokens_once = True
    kill_at(bench, point)
    return {"lost": int(after_the_kill(bench)["next worker"] != "token")}


_CROWD = 12


@fault(
    "D5",
    f"{_CROWD} processes ask at once, each refresh token accepted once",
    expected={"valid": _CROWD, "POSTs": 1, "others": (), "lost": 0},
)
def crowd(bench: Bench) -> Mapping[str, Any]:
    seen = ask_at_once(bench, _CROWD)
    return {"valid": seen.valid, "POSTs": seen.posts, "others": seen.others, "lost": seen.lost}


@fault(
    "D5",
    f"{_CROWD} processes, the holder killed during its POST, its lease let run out",
    expected={"valid": _CROWD - 1, "POSTs": 2, "others": (), "lost": 0},
)
def crowd_without_holder(bench: Bench) -> Mapping[str, Any]:
    seen = ask_at_once(bench, _CROWD, kill_holder=True, age_lease=True)
    return {"valid": seen.valid, "POSTs": seen.posts, "others": seen.others, "lost": seen.lost}


@fault(
    "D6",
    "the lease runs out during a slow POST; another worker {}",
    expected={"both": "the stored token", "stored": "the other's", "POSTs": 2},
    cases={"has renewed": 0.0, "is still renewing": 0.9},
)
def outlived(bench: Bench, delay: float) -> Mapping[str, Any]:
    bench.expire()
    bench.script(passes=True, delay=0.5)
    bench.script(passes=True, delay=delay)
    late = bench.asking()
    bench.await_posts(1)
    bench.let_lease_pass()
    other = bench.asking(bench.host()).result()
    tokens = {late.result().token, other.token}
    return {
        "both": "the stored token" if tokens == {bench.stored()} else sorted(tokens),
        "stored": "the other's" if other.token == bench.stored() else "THE LATE ONE'S",
        "POSTs": bench.posts,
    }


# --- D7, D8: keys ----------------------------------------------------------------------------


def _another_key(key_id: str) -> str:
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


@fault(
    "D7",
    "no key in the settings",
    expected={"refused": "key_ring"},
)
def no_key(bench: Bench) -> Mapping[str, Any]:
    values = bench.values()
    del values["key_ring"]
    try:
        load_settings(values)
    except ValidationError as err:
        return {"refused": ", ".join(err.messages_dict)}
    return {"refused": "nothing"}


_SEALED = {
    "valid token": "SealError",
    "no token": "SealError",
    "POSTs": 0,
    "grant": "unchanged",
    "lease": "free",
    "with the right key": "token",
}


@fault("D7", "the ring has another key only", expected=_SEALED)
def key_missing(bench: Bench) -> Mapping[str, Any]:
    return _with_ring(bench, _another_key(f"k{os.urandom(4).hex()}"))


@fault("D8", "another key under the same id", expected=_SEALED)
def wrong_key(bench: Bench) -> Mapping[str, Any]:
    return _with_ring(bench, _another_key("k1"))


def _with_ring(bench: Bench, ring: str) -> dict[str, Any]:
    assert bench.account
    kept, host = bench.kept(), bench.host(key_ring=ring)
    valid = bench.ask(host)
    unchanged = bench.kept() == kept
    bench.expire()
    kept = bench.kept()
    expired, posts, row = bench.ask(host), bench.posts, bench.row()
    return {
        "valid token": valid.kind,
        "no token": expired.kind,
        "POSTs": posts,
        "grant": "unchanged" if unchanged and bench.kept() == kept else "CHANGED",
        "lease": "free" if row.lease_owner is None else "HELD",
        "with the right key": bench.ask().kind,
    }


# --- D9: key rotation ------------------------------------------------------------------------


@fault(
    "D9",
    "kill -9 in a rotation, {}",
    expected={"rows that open": 4, "then rotated": "0 remain", "with the new key alone": 4},
    cases={"before the first COMMIT": 0, "after the first": 1, "half-way": 4},
)
def killed_rotation(first: Bench, batches: int) -> Mapping[str, Any]:
    # A database of its own: the others' rows keep their key.
    bench = replace(first, url=first.lab.new_url(first.database))
    first.stack.callback(bench.close)
    accounts = [bench.connected(bench.erp) for _ in range(4)]
    new = _another_key("k2")
    both = bench.host(key_ring=f"{new},{bench.lab.key_ring}")
    settings = bench.values(key_ring=f"{new},{bench.lab.key_ring}")
    worker = bench.worker(do="rotate", settings=settings, stop_after=batches)
    assert worker.report()["at"] == "batch"
    worker.kill()
    opens = _opening(bench, accounts, both)
    rotated = rotation.rotate(bench.engine, KeyRing(both.settings.key_ring))
    alone = _opening(bench, accounts, bench.host(key_ring=new))
    return {
        "rows that open": opens,
        "then rotated": f"{rotated.remaining} remain",
        "with the new key alone": alone,
    }


def _opening(bench: Bench, accounts: list[str], host: Any) -> int:
    """Count the accounts whose token and refresh token open with the host's ring."""
    ring, opened = KeyRing(host.settings.key_ring), 0
    for account in accounts:
        with engines.reading(bench.engine) as connection:
            row = grants.read_grant(connection, account)
        assert row is not None
        with suppress(SealError):
            opened += bool(row.open_token(ring) and row.open_cache(ring))
    return opened
