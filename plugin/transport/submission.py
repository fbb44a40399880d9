"""Messages handed over, one after another, on one kept connection. Every transport has this shape.

`prepare` does all that can be taken back; `hand_over` does the rest: when it returns or raises
``MailError`` with a ``status``, the server has decided, and any other end leaves it unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..errors import MailError


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message for a transport. `chunks` yields it from its start each time it is called.

    With `partial`, refused recipients do not keep it from the others.
    """

    id: str
    sender: str
    recipients: tuple[str, ...]
    size: int
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    partial: bool = False
    smtputf8: bool = False


class RecipientsRefusedError(Exception):
    """The server refused recipients, so nothing was sent to anybody."""

    def __init__(self, refused: Mapping[str, MailError]) -> None:
        super().__init__(f"{len(refused)} recipients were refused.")
        #: What was said of each refused address.
        self.refused = refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The server took the message; `words` are its own, redacted to one printable line."""

    words: str


class Submission(Protocol):
    """One kept connection of a transport."""

    #: The transport's name in a delivery's trail.
    transport: str

    def prepare(self, mail: Outgoing) -> Mapping[str, MailError]:
        """Send everything but the end; return what was said of each refused recipient.

        Raises ``MailError``; and ``RecipientsRefusedError`` if all were refused, or some without
        `partial`. The connection can be used again where `usable` says so.
        """

    def hand_over(self, ahead: Outgoing | None) -> Taken:
        """Send the end and wait for the reply under the deadline in force; `ahead` is next.

        The deadline must have begun before the point of no return was stored: a worker that was
        stopped in between must not send the end later.

        Raises ``MailError``: with a `status` it is the server's whole reply; without one nobody
        knows whether the message was taken.
        """

    def abandon(self) -> None:
        """Take back what was prepared; nothing of it is delivered."""

    @property
    def usable(self) -> bool:
        """Whether another message can be prepared on this connection."""
