"""A folder and its messages, as every protocol of the simulator sees them.

Messages are kept byte for byte as they came in. Everything here runs in the servers' event loop.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

#: what Exchange lets clients set; it drops other keywords
FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$MDNSent")
_BY_LOWER_CASE = {flag.lower(): flag for flag in FLAGS}


@dataclass(eq=False, slots=True)
class Message:
    """One message of one folder; `received` is its internal date."""

    uid: int
    content: bytes = field(repr=False)
    received: datetime
    flags: frozenset[str] = frozenset()


class FolderListener(Protocol):
    """Somebody who has the folder open."""

    def appended(self, message: Message) -> None:
        """Take note of a new message; its UID is the greatest."""

    def removed(self, message: Message) -> None:
        """Take note that a message has gone."""

    def flagged(self, message: Message) -> None:
        """Take note of changed flags."""

    def closed(self) -> None:
        """Take note that the folder or its UIDs are no longer valid."""


class Folder:
    """The messages of one folder in the order of their UIDs.

    `role` is Exchange's own use of the folder (`Sent`, `Trash` …), whatever its name.
    """

    def __init__(self, uid_validity: int, role: str | None) -> None:
        self.uid_validity = uid_validity
        self.role = role
        self.messages: list[Message] = []
        self.listeners: set[FolderListener] = set()
        #: messages with this UID or a greater one were not yet shown to any session as \Recent
        self.first_recent = 1
        self._last_uid = 0

    @property
    def uid_next(self) -> int:
        """The UID that the next message gets."""
        return self._last_uid + 1

    @property
    def has_unseen(self) -> bool:
        """Whether a message has not been read."""
        return any("\\Seen" not in message.flags for message in self.messages)

    def begin_uids_after(self, uid: int) -> None:
        """Give only UIDs greater than `uid` from now on."""
        self._last_uid = max(self._last_uid, uid)

    def append(
        self, content: bytes, flags: Iterable[str] = (), received: datetime | None = None
    ) -> Message:
        """Add a message and tell everybody who has the folder open."""
        self._last_uid += 1
        when = received or datetime.now(UTC)
        message = Message(self._last_uid, content, when, known_flags(flags))
        self.messages.append(message)
        for listener in tuple(self.listeners):
            listener.appended(message)
        return message

    def position(self, uid: int) -> int:
        """Return the index of the first message whose UID is not less than `uid`."""
        return bisect_left(self.messages, uid, key=_uid)

    def holds(self, message: Message) -> bool:
        """Return whether the message has not been removed."""
        index = self.position(message.uid)
        return index < len(self.messages) and self.messages[index] is message

    def remove(self, messages: Iterable[Message]) -> None:
        """Remove those of the messages that are still here."""
        for message in messages:
            if self.holds(message):
                del self.messages[self.position(message.uid)]
                for listener in tuple(self.listeners):
                    listener.removed(message)

    def set_flags(self, message: Message, flags: Iterable[str]) -> None:
        """Replace a message's flags; unknown keywords are dropped, as Exchange does."""
        wanted = known_flags(flags)
        if message.flags != wanted:
            message.flags = wanted
            for listener in tuple(self.listeners):
                listener.flagged(message)

    def void(self, uid_validity: int | None = None) -> None:
        """End all sessions that have the folder open; give it another UIDVALIDITY if told so."""
        self.uid_validity = self.uid_validity if uid_validity is None else uid_validity
        for listener in tuple(self.listeners):
            listener.closed()


def known_flags(flags: Iterable[str]) -> frozenset[str]:
    """Return the flags that Exchange keeps, in its own spelling."""
    return frozenset(
        _BY_LOWER_CASE[flag.lower()] for flag in flags if flag.lower() in _BY_LOWER_CASE
    )


def _uid(message: Message) -> int:
    return message.uid
