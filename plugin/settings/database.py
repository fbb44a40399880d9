"""Where a database is, in words that may be shown: an absolute path, or a server and a name."""

from __future__ import annotations

import re
from pathlib import Path

_FILE = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]*)", re.DOTALL)
_SERVER = re.compile(r"\w+(?:\+\w+)?://(?:[^@]*@)?(?P<server>[^?]*)", re.DOTALL)


def database_file(database_url: str) -> Path | None:
    """Return the absolute path of an SQLite database; None for a server's."""
    found = _FILE.match(database_url)
    return Path(found["path"]).absolute() if found else None


def database_place(database_url: str) -> str:
    """Return where a database is, without user and password."""
    if (file := database_file(database_url)) is not None:
        return str(file)
    found = _SERVER.match(database_url)
    return found["server"] if found else ""
