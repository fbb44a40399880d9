"""Faults of the disk: D3, it is full."""

import os
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from .bench import Bench, Call
from .registry import POSTGRESQL, SQLITE, NotHereError, fault


def can_mount() -> bool:
    """Return whether this process may mount a tmpfs."""
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
    return bench.against_stored(call.result())


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
