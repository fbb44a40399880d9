"""Scripted answers of the token endpoint, for tests of what a client makes of them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class TokenFault:
    """One or more answers that the token endpoint gives instead of its own.

    `grant_type` "*" matches every request. With `aadsts` or `error` the body is shaped like
    Entra's; else `body` is sent as it stands (bytes) or as JSON (dict); with none of them the
    answer is empty. `delay` is in seconds and passes before the answer; `drop` closes the
    connection without one. With `passes` the
    request is only delayed and then answered as usual.
    """

    grant_type: str = "*"
    status: int = 400
    body: bytes | dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    times: int = 1
    aadsts: int | None = None
    error: str | None = None
    drop: bool = False
    passes: bool = False


class Faults:
    """The faults still to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._queue: deque[TokenFault] = deque()

    def add(self, fault: TokenFault) -> None:
        """Script the next `fault.times` matching answers."""
        self._queue.append(fault)

    def clear(self) -> None:
        """Forget all that were not used."""
        self._queue.clear()

    def __len__(self) -> int:
        return sum(fault.times for fault in self._queue)

    def take(self, grant_type: str) -> TokenFault | None:
        """Return the next fault for this grant type, counting it as used."""
        for fault in self._queue:
            if fault.grant_type in ("*", grant_type):
                fault.times -= 1
                if fault.times <= 0:
                    self._queue.remove(fault)
                return fault
        return None
