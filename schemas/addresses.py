"""Addresses among the settings: the host's own, the sign-in server's, the proxy's, the database's.

Each function returns the address or raises ``ValidationError`` with the spelling that works. None
repeats what was given: a password may stand in it.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError

from .spelling import host, one_line, port, token

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9._~!$&()*+,;=:@-]|%[0-9A-Fa-f]{2})+)*")
_NOTHING = re.compile("")
_BEHIND = re.compile(r"[?#@\\]")
_CALLBACK = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._~-]+)+/?|/")
#: scheme, user information, server with port, and the slash at the end.
_PROXY = re.compile(
    r"https?://(?:(?P<user>[^@/?#\\]*)@)?(?P<host>[^@:/?#\\]+)(?::(?P<port>[^@:/?#\\]*))?/?",
    re.IGNORECASE,
)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
#: As SQLAlchemy takes it apart: a password may hold all but @ unescaped.
_DATABASE = re.compile(
    r"(?P<dialect>[a-z0-9]+)(?:\+(?P<driver>[a-z0-9_]+))?://"
    r"(?:[^:/@]*(?::[^@]*)?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^/:?@]*)(?::(?P<port>[^/?@]*))?"
    r"(?:/(?P<database>[^?]*))?(?:\?.*)?",
    re.DOTALL,
)
_FORMS = "Give sqlite:////absolute/path.db or postgresql+psycopg://user:password@server/name."
_INSTALL = "pip install 'salesorder-m365[postgresql]'"


def own_address(value: Any) -> str:
    """Return the host's public address: https, or http on loopback; a path may follow."""
    return _web_address(value, "https://erp.example.com", loopback_http=True, path=True)


def server_address(value: Any) -> str:
    """Return an https address of a server alone, without a path."""
    return _web_address(value, "https://login.example.com", loopback_http=False, path=False)


def _web_address(value: Any, example: str, *, loopback_http: bool, path: bool) -> str:
    text = token(value).rstrip("/")
    try:
        parts = urlsplit(text)
        name = parts.hostname or ""
        server = f"[{name}]" if ":" in name else host(name)
        end = "" if parts.port is None else f":{port(str(parts.port))}"
    except ValueError:  # such as https://[::1, or port 99999
        raise ValidationError(f"This is not an address like {example}.") from None
    if re.search(r"[?#@\\]", text) or not (
        _PATH.fullmatch(parts.path) and (path or not parts.path)
    ):
        raise ValidationError(f"This is not an address like {example}, with nothing behind it.")
    plain = loopback_http and parts.scheme == "http" and name in _LOOPBACK
    if parts.scheme != "https" and not plain:
        local = " (http:// is possible on localhost only)" if loopback_http else ""
        raise ValidationError(f"The address must begin with https://{local}.")
    return f"{parts.scheme}://{server}{end}{parts.path}"


def callback_path(value: Any) -> str:
    """Return the path of the callback route."""
    text = token(value)
    if not _CALLBACK.fullmatch(text):
        raise ValidationError("This is not a path like /mail/callback.")
    return text


def proxy(value: Any) -> str:
    """Return a proxy's address; what must be escaped in a name or password is told."""
    text = token(value)
    if "\\" in text:
        msg = "Write the backslash as %5C: http://CORP%5Cname:password@proxy:3128."
        raise ValidationError(msg)
    found = _PROXY.fullmatch(text)
    if not found:
        raise ValidationError(
            "This is not an address like http://proxy:3128. In a name or password write @ as %40,"
            " / as %2F, : as %3A, # as %23, ? as %3F."
        )
    if _BROKEN_ESCAPE.search(found["user"] or ""):
        raise ValidationError("In the name or password, write % as %25.")
    try:
        host(found["host"])
        if found["port"] is not None:
            port(found["port"])
    except ValueError:
        raise ValidationError("This is not an address like http://proxy:3128.") from None
    return text


def database_url(value: Any) -> str:
    """Return an SQLAlchemy address of SQLite or PostgreSQL whose driver is installed."""
    text = one_line(value)
    found = _DATABASE.fullmatch(text)
    if not found:
        raise ValidationError(_not_a_database(text))
    if found["dialect"] == "sqlite":
        _check_file(found)
    elif found["dialect"] == "postgresql":
        _check_server(text, found)
    elif found["dialect"] == "postgres":
        raise ValidationError("Write postgresql+psycopg:// in place of postgres://.")
    else:
        raise ValidationError(f"The plugin stores in SQLite or PostgreSQL only. {_FORMS}")
    return text


def _not_a_database(text: str) -> str:
    if "://" not in text:
        return f"This is not an address, but perhaps a path. {_FORMS}"
    if text.count("@") > 1:
        return "In a name or password, write @ as %40."
    return f"This is not a database's address. {_FORMS}"


def _check_file(found: re.Match[str]) -> None:
    file = found["database"] or ""
    if found["driver"] not in {None, "pysqlite"}:
        raise ValidationError("Write sqlite:// alone: Python brings the driver.")
    if found["host"] or found["port"] is not None:
        msg = (
            "Three slashes begin a relative path, four an absolute one: sqlite:////var/lib/m365.db."
        )
        raise ValidationError(msg)
    if not file or ":memory:" in file or "mode=memory" in found[0]:
        msg = "It names no file. A database in memory is gone when the process ends, and every"
        raise ValidationError(f"{msg} process has another one. {_FORMS}")
    if file.startswith("~"):
        raise ValidationError("Write the path out: ~ stands for no folder here.")
    if file.endswith(("/", "\\")):
        raise ValidationError("This is a folder. Name a file in it.")


def _check_server(text: str, found: re.Match[str]) -> None:
    token(text)  # a space in a password is %20
    if found["port"] is not None:
        try:
            port(found["port"])
        except ValueError:
            raise ValidationError("The port is not a number from 1 to 65535.") from None
    driver = found["driver"] or "psycopg2"  # SQLAlchemy's own choice
    if driver not in {"psycopg", "psycopg2"}:
        raise ValidationError("Write postgresql+psycopg:// for the driver that it is tested with.")
    if not _is_installed(driver):
        remedy = "" if driver == "psycopg" else "Write postgresql+psycopg://, and if need be: "
        raise ValidationError(f"The driver {driver} is not installed. {remedy}{_INSTALL}")


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # a module that was put in its place has no spec
        return True
