"""What the routes read of a request (PEP 3333); nothing here trusts the Host header."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Parameters at most: Microsoft sends a handful.
_MOST_FIELDS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; `path` and `query` are decoded, of a parameter given twice the last counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    cookies: tuple[tuple[str, str], ...] = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Self:
        """Read a WSGI environ."""
        raw = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
        return cls(
            method=environ["REQUEST_METHOD"],
            # A server gives the bytes of the path as Latin-1.
            path=raw.encode("latin-1", "replace").decode("utf-8", "replace"),
            query=_query(environ.get("QUERY_STRING", "")),
            cookies=tuple(_cookies(environ.get("HTTP_COOKIE", ""))),
        )


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:  # more fields: no answer of Microsoft's
        return {}


def _cookies(header: str) -> list[tuple[str, str]]:
    """Read a Cookie header pair by pair: ``http.cookies`` drops what follows an odd one."""
    pairs = (pair.partition("=") for pair in header.split(";"))
    return [(name.strip(), value.strip()) for name, _, value in pairs]
