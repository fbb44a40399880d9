"""The state folder: the database, and keys that only the owner may read."""

from __future__ import annotations

import base64
import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class StateFolder:
    """A folder that is made at first use, with mode 0700."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def database(self) -> Path:
        """The one database file."""
        return self.path / "erp.sqlite3"

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
