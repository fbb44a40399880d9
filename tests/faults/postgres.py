"""A PostgreSQL of the tests' own: Debian's binaries, a private directory, a Unix socket.

It runs as the user `postgres` where the tests run as root, for PostgreSQL refuses to be root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import psycopg

from .registry import NotHereError

_BINARIES = Path("/usr/lib/postgresql")
_USER = "m365"
_SECONDS = 30.0


class NotInstalledError(NotHereError):
    """Debian's package is missing, or its user where one is needed."""

    def __init__(self) -> None:
        super().__init__("postgresql is not installed")


class Postgres:
    """One server; start it with `with`, restart it at will; a `durable` one awaits the disk."""

    def __init__(self, *, durable: bool = False) -> None:
        self._waits = "on" if durable else "off"
        found = sorted(_BINARIES.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
        if not found:
            raise NotInstalledError
        self._bin = found[-1].parent
        self._as = _unprivileged()
        self._folder = Path(tempfile.mkdtemp(prefix="m365-pg-"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if self._as:
            shutil.chown(self._folder, self._as["user"], self._as["group"])
        options = ("-A", "trust", "-U", _USER, "-E", "UTF8", "--locale=C", "--no-sync")
        self._run(self._bin / "initdb", "-D", self._folder / "data", *options)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        """Start the server and wait until it takes connections."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self._folder,
            "max_connections": 200,
            "fsync": self._waits,
            "full_page_writes": self._waits,
            "shared_buffers": "16MB",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._folder / "data", *arguments],
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self._as,
        )
        self._await_ready()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End the server: SIGINT breaks connections off, SIGQUIT is as a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_SECONDS)
            self._process = None

    def restart(self) -> None:
        """Crash and come back: what was not committed is gone."""
        self.stop(signal.SIGQUIT)
        self.start()

    def create(self, name: str, *, folder: Path | None = None) -> str:
        """Create a database, in a tablespace of its own in `folder` if given; return its URL."""
        if folder is None:
            self.execute(f"CREATE DATABASE {name}")
        else:
            if self._as:
                shutil.chown(folder, self._as["user"], self._as["group"])
            self.execute(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
            self.execute(f"CREATE DATABASE {name} TABLESPACE {name}")
        return f"postgresql+psycopg://{_USER}@/{name}?host={self._folder}"

    def drop(self, name: str) -> None:
        """Drop a database that has a tablespace of its own."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")
        self.execute(f"DROP TABLESPACE {name}")

    def execute(self, statement: str) -> None:
        """Run one statement outside of a transaction."""
        target = f"host={self._folder} user={_USER} dbname=postgres"
        with psycopg.connect(target, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _await_ready(self) -> None:
        ends = time.monotonic() + _SECONDS
        while subprocess.run(
            [self._bin / "pg_isready", "-q", "-h", self._folder, "-d", "postgres"], check=False
        ).returncode:
            if time.monotonic() > ends:
                raise TimeoutError("PostgreSQL does not come up.")
            time.sleep(0.02)

    def _run(self, *command: Any) -> None:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=self._folder,
            capture_output=True,
            check=False,
            text=True,
            **self._as,
        )
        assert done.returncode == 0, done.stderr


def _unprivileged() -> dict[str, Any]:
    """Return how to start a process that is not root."""
    if os.geteuid() != 0:
        return {}
    try:
        user = pwd.getpwnam("postgres")
    except KeyError as err:
        raise NotInstalledError from err
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
