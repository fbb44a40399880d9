"""What is sent back: status, headers and body, with what each answer of these routes must carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..schemas.signin import Redirect

#: The addresses of both routes hold what no cache may keep and no other page may be told.
QUIET = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
#: Of an answer that only leads on, and of a host's page that does not say what it is.
_PLAIN = ("Content-Type", "text/plain; charset=utf-8")
_QUIET_NAMES = frozenset(name.lower() for name in QUIET)

#: A page of the host's own: status (``200`` or ``"200 OK"``), headers, body.
HostsPage: TypeAlias = "tuple[int | str, Iterable[tuple[str, str]], bytes | Iterable[bytes]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer; frameworks make a response of their own of it."""

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


def led_on(path: str) -> Answer:
    """Lead the browser to a path of the host's own."""
    return Answer(status=303, headers=(("Location", path), _PLAIN, *QUIET.items()))


def left(redirect: Redirect, cookie: str) -> Answer:
    """Lead the browser to Microsoft, and let it keep its cookie."""
    headers = {**QUIET, **redirect.headers, "Location": redirect.url, "Set-Cookie": cookie}
    return Answer(status=redirect.status, headers=(*headers.items(), _PLAIN))


def html(status: int, page: str, policy: str, extra: Mapping[str, str]) -> Answer:
    """Answer with an HTML page under a Content-Security-Policy."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        **QUIET,
        **extra,
    }
    return Answer(status=status, headers=tuple(headers.items()), body=page.encode())


def of_host(page: HostsPage) -> Answer:
    """Answer with the host's own page; its headers stay, but no cache keeps it."""
    status, headers, body = page
    kept = [(name, value) for name, value in headers if name.lower() not in _QUIET_NAMES]
    if "content-type" not in {name.lower() for name, _ in kept}:
        kept.append(_PLAIN)
    return Answer(
        status=int(str(status)[:3]),
        headers=(*kept, *QUIET.items()),
        body=body if isinstance(body, bytes) else b"".join(body),
    )
