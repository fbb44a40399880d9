"""A refused token, renewed once, however many connections one piece of work opens with it.

Only here is decided which answers a new token may change. Renewing is left to the caller.
"""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..errors import MailError
from ..wire.deadline import remaining

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Again(StrEnum):
    """Why something is done a second time."""

    RENEWED = "renewed"
    RECONNECTED = "reconnected"


class Token(Protocol):
    """An access token, as far as it matters here."""

    @property
    def secret(self) -> str: ...  # noqa: D102 - see vault.renewal.AccessToken


#: What is tried a second time, once for each reason. Exchange also says "authenticated but not
#: connected" in passing, with a token that it takes a moment later.
_REASONS = {
    "imap_refused": Again.RENEWED,
    "smtp_refused": Again.RENEWED,
    "token_expired": Again.RENEWED,
    "mailbox_not_connected": Again.RECONNECTED,
}


def _unnoticed(_reason: Again) -> None:
    """Take no notice of a second attempt."""


class RenewableToken:
    """The token of one piece of work, renewed at most once. Its methods may run in many threads."""

    def __init__(self, first: Token, renew: Callable[[str], Token]) -> None:
        self._first = first
        self._renew = renew
        self._lock = threading.Lock()
        self._renewed: Token | Exception | None = None

    def use(self, work: Callable[[str], T], notice: Callable[[Again], None] = _unnoticed) -> T:
        """Return ``work(token)``, done again where a new token or connection may help.

        `work` opens its connection itself, and must leave nothing done when it raises. `notice` is
        told before each second attempt. Raises what `work` or `renew` raised.
        """
        token, made = self._first, set[Again]()
        while True:
            try:
                return work(token.secret)
            except MailError as err:
                reason = _REASONS.get(err.code)
                if reason is None or reason in made:
                    raise
                if reason is Again.RENEWED:
                    refused, token = token, self._new_token()
                    if token.secret == refused.secret:
                        raise  # too young to be at fault: the refusal is what counts
            made.add(reason)
            notice(reason)

    def _new_token(self) -> Token:
        if not self._lock.acquire(timeout=remaining()):
            raise TimeoutError("Another thread is still renewing the token.")
        try:
            if self._renewed is None:
                self._renewed = self._once()
        finally:
            self._lock.release()
        if isinstance(self._renewed, Exception):
            raise self._renewed
        return self._renewed

    def _once(self) -> Token | Exception:
        try:
            return self._renew(self._first.secret)
        except Exception as err:  # noqa: BLE001 - every thread that waits for it gets it
            return err
