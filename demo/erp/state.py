"""The state folder: the database, and keys that only the owner may read."""

from __future__ import annotations

import base64
import os
import secrets
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class FolderInUseError(OSError):
    """Another demo is running on the folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"Another demo is running on the folder {folder}.")
        self.folder = folder


class StateFolder:
    """A folder that is made at first use, with mode 0700."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        """The one database file."""
        return self.path / "erp.sqlite3"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the folder for one demo. Raises FolderInUseError while another one holds it.

        The lock is SQLite's on a file of its own: it works on every system, and the system lets go
        of it however the process ends.
        """
        with closing(sqlite3.connect(self.path / "lock", timeout=0)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as err:
                raise FolderInUseError(self.path) from err
            yield

    def key_ring(self) -> str:
        """Return the plugin's key ring, ``id:base64``; it is made at the first start."""
        return "demo:" + self._key("key-ring")

    def session_key(self) -> str:
        """Return the key that signs the session cookies."""
        return self._key("session-key")

    def _key(self, name: str) -> str:
        file = self.path / name
        try:
            # O_EXCL and the mode in one call: there is no moment in which others could read it.
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return file.read_text("ascii").strip()
        key = base64.b64encode(secrets.token_bytes(32)).decode()
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(key + "\n")
        return key
