"""A connection that is held on behalf of a host's own program, as long as its lease lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..wire.deadline import CLOCKS

if TYPE_CHECKING:
    from collections.abc import Callable


class Held(Protocol):
    """What a held connection asks for: its lease, and a place for each message."""

    def renew(self) -> bool:
        """Hold the connection on; return whether it is still held."""

    def place(self) -> bool:
        """Take a place for a message in the submitter's limits; return whether there is one."""

    def count(self, recipients: int) -> None:
        """Count the recipients of a message that is sent."""

    def release(self) -> None:
        """Give the connection back; more than once does no harm."""


class Lease:
    """Renews a lease every now and then, and knows by every clock when it has run out."""

    def __init__(self, seconds: float, renew: Callable[[], bool]) -> None:
        self._seconds = seconds
        self._renew = renew
        self._renewed = self._now()

    @staticmethod
    def _now() -> list[float]:
        return [clock() for clock in CLOCKS]

    def holds(self) -> bool:
        """Return whether the connection may be used now; renews the lease as it is used up."""
        age = max(now - then for now, then in zip(self._now(), self._renewed, strict=True))
        if age < self._seconds / 10:
            return True
        if age >= self._seconds or not self._renew():
            return False
        self._renewed = self._now()
        return True
