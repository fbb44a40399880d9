"""MSAL as we let it be used: its loggers keep quiet, its HTTP goes through a session of ours."""

from __future__ import annotations

import json
import logging
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import M365Error, UnavailableError
from ..frames import clear_frames
from .answers import PlainAnswer, fields_of
from .asking import ask
from .refusals import GrantRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .answers import Reader
    from .asking import HttpClient
    from .discovery import Discovery

_T = TypeVar("_T")


def _tells_no_secret(record: logging.LogRecord) -> bool:
    # At DEBUG MSAL tells codes and verifiers; its OAuth client a whole answer that is not JSON.
    return record.levelno > logging.DEBUG and record.name != "msal.oauth2cli.oauth2"


@cache
def quiet_msal() -> Any:
    """Return MSAL, its loggers kept from telling secrets whatever levels the host sets."""
    import msal  # noqa: PLC0415 - 92 ms that a host pays at the first sign-in, not at its start

    # A filter applies to records of its own logger only, so each of them needs it.
    for name in tuple(sys.modules):
        if name.partition(".")[0] == "msal":
            logging.getLogger(name).addFilter(_tells_no_secret)
    return msal


def memory_of(cache: str | None) -> Any:
    """Return MSAL's token cache with one account, or an empty one.

    Raises ``GrantRefusedError`` for a cache that MSAL cannot read: only a new sign-in helps.
    """
    memory = quiet_msal().SerializableTokenCache()
    try:
        if cache is not None:
            memory.deserialize(cache)
    except (ValueError, RecursionError):
        raise GrantRefusedError({"error": "invalid_grant"}) from None
    return memory


class Client:
    """The session as MSAL sees it: discovery is remembered, and answers come checked by `read`.

    MSAL's own ``http_cache`` would also remember refusals (a 400 for 60 s), so that the answer
    after an administrator's consent would be a stale one.
    """

    def __init__(self, session: HttpClient, discovery: Discovery, read: Reader) -> None:
        self._session = session
        self._discovery = discovery
        self._read = read
        #: Whether MSAL is working on an answer, and not asking.
        self.answered = False

    def get(self, url: str, **_: Any) -> PlainAnswer:  # noqa: ARG002 - requests' signature
        """Return the discovery document, which is all that MSAL gets."""
        self.answered = False
        text = self._discovery.document().as_msal_reads_it()
        self.answered = True
        return PlainAnswer(text=text)

    def post(self, url: str, **kwargs: Any) -> PlainAnswer:
        """POST; raise an error of ours for anything but a success of known shape."""
        self.answered = False
        response = ask(lambda: self._session.post(url, **kwargs))
        text = json.dumps(fields_of(response, self._read))
        self.answered = True
        return PlainAnswer(text=text)

    def close(self) -> None:
        """Leave the session open: it is shared."""


def translated(client: Client, question: Callable[[], _T]) -> _T:
    """Return what MSAL makes of the answers; raise ``UnavailableError`` where it stumbles over one.

    Only on an answer: what fails before there is one is a fault of this program, and stays it.
    """
    try:
        return question()
    except M365Error:
        raise
    except Exception as err:
        if not client.answered:
            raise
        failure = UnavailableError("no usable answer")
        # Not chained: MSAL's errors may hold what was answered.
        clear_frames(err)
    try:
        raise failure
    finally:
        del failure  # see `asking.ask`
