"""MSAL as we let it be used: its loggers keep quiet, its HTTP goes through a session of ours."""

from __future__ import annotations

import logging
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from .refusals import broken, seconds_of

if TYPE_CHECKING:
    from ..errors import M365Error

DISCOVERY_PATH = "/v2.0/.well-known/openid-configuration"
_DISCOVERY_SECONDS = 24 * 3600.0


def _tells_no_secret(record: logging.LogRecord) -> bool:
    # At DEBUG MSAL tells codes and verifiers; its OAuth client a whole answer that is not JSON.
    return record.levelno > logging.DEBUG and record.name != "msal.oauth2cli.oauth2"


@cache
def quiet_msal() -> Any:
    """Return MSAL, its loggers kept from telling secrets whatever levels the host sets."""
    import msal  # noqa: PLC0415 - 92 ms that a host pays at the first sign-in, not at its start

    # A filter counts for records of its own logger only, so that each of them needs it.
    for name in tuple(sys.modules):
        if name.partition(".")[0] == "msal":
            logging.getLogger(name).addFilter(_tells_no_secret)
    return msal


class HttpClient(Protocol):
    """What MSAL asks of an HTTP client: `requests.Session` has this shape."""

    def get(self, url: str, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102
    def post(self, url: str, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Client:
    """The session as MSAL sees it: discovery is remembered, the last answer's status is kept.

    MSAL's own ``http_cache`` would also remember refusals (a 400 for 60 s), so that the answer
    after an administrator's consent would be a stale one.
    """

    def __init__(self, session: HttpClient, discovered: dict[str, tuple[float, Any]]) -> None:
        self._session = session
        self._discovered = discovered
        self.discovering = False
        self.status = 0
        self.retry_after: float | None = None

    def get(self, url: str, **kwargs: Any) -> Any:
        """GET, from memory if it is a discovery document of the last day."""
        known = self._discovered.get(url)
        if known and known[0] > time.monotonic():
            return known[1]
        self.discovering = True
        answer = self._note(self._session.get(url, **kwargs))
        if answer.status_code == 200 and url.endswith(DISCOVERY_PATH):
            self._discovered[url] = (time.monotonic() + _DISCOVERY_SECONDS, answer)
        return answer

    def post(self, url: str, **kwargs: Any) -> Any:
        """POST, never remembered."""
        self.discovering = False
        return self._note(self._session.post(url, **kwargs))

    def close(self) -> None:
        """Leave the session open: it is shared."""

    def _note(self, answer: Any) -> Any:
        self.status = answer.status_code
        self.retry_after = seconds_of(answer.headers.get("Retry-After"))
        return answer

    def broken(self) -> M365Error:
        """Return the error that the last answer stands for, which is not one."""
        return broken(
            status=self.status, retry_after=self.retry_after, discovering=self.discovering
        )
