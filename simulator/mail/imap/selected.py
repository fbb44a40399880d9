"""The folder that a session has selected: sequence numbers, and what changed since it was told."""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import contextmanager

from ...tenant.folders import Folder, Message
from .sets import NumberSet

Numbered = tuple[int, Message]


class Selected:
    """A folder as one session knows it; numbers change only when `updates` tells the client."""

    def __init__(self, folder: Folder, *, read_only: bool) -> None:
        self.folder = folder
        self.read_only = read_only
        self.valid = True
        self.changed = asyncio.Event()
        self._messages = list(folder.messages)
        self._recent_from = folder.first_recent
        self._told = len(self._messages)
        self._gone: list[Message] = []
        self._flagged: dict[int, Message] = {}
        self._silent = False
        if not read_only:
            folder.first_recent = folder.uid_next
        folder.listeners.add(self)

    def leave(self) -> None:
        """Stop listening to the folder."""
        self.folder.listeners.discard(self)

    @property
    def count(self) -> int:
        """The number of messages that the client knows of."""
        return self._told

    @property
    def recent(self) -> int:
        """How many messages this session is the first to see."""
        return len(self._messages) - bisect_left(self._messages, self._recent_from, key=_uid)

    def first_unseen(self) -> int | None:
        """Return the number of the first message that has not been read."""
        unseen = (n for n, m in enumerate(self._messages, 1) if "\\Seen" not in m.flags)
        return next(unseen, None)

    def flags_of(self, message: Message) -> str:
        """Return a message's flags as an answer shows them."""
        flags = sorted(message.flags)
        if message.uid >= self._recent_from:
            flags.append("\\Recent")
        return f"({' '.join(flags)})"

    def is_recent(self, message: Message) -> bool:
        """Return whether this session is the first to see the message."""
        return message.uid >= self._recent_from

    def find(self, numbers: NumberSet, *, by_uid: bool) -> list[Numbered]:
        """Return the messages of a set with their sequence numbers; unknown ones are left out."""
        known = self._messages[: self._told]
        found: list[Numbered] = []
        greatest = (known[-1].uid if known else 0) if by_uid else len(known)
        for first, last in numbers.ranges(greatest):
            if by_uid:
                begin = bisect_left(known, first, key=_uid)
                end = bisect_right(known, last, key=_uid)
            else:
                begin, end = min(max(first, 1) - 1, len(known)), min(last, len(known))
            found.extend(zip(range(begin + 1, end + 1), known[begin:end], strict=True))
        return found

    def all(self) -> list[Numbered]:
        """Return all messages that the client knows of."""
        return list(enumerate(self._messages[: self._told], 1))

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Do not report the flags that change meanwhile: the client set them, or is told anyway."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False

    def updates(self, *, expunges: bool = True) -> Iterator[str]:
        """Yield untagged lines for everything that changed; numbers of messages change here.

        EXPUNGE may not come while a client uses sequence numbers (RFC 3501, 7.4.1): `expunges`.
        """
        self.changed.clear()
        if expunges:
            yield from self._expunges()
        if self._told != len(self._messages):
            self._told = len(self._messages)
            yield f"* {self._told} EXISTS"
            yield f"* {self.recent} RECENT"
        for message in self._flagged.values():
            number = self._number(message)
            if number is not None:
                yield f"* {number} FETCH (FLAGS {self.flags_of(message)} UID {message.uid})"
        self._flagged.clear()

    def _expunges(self) -> Iterator[str]:
        for message in self._gone:
            number = self._number(message)
            if number is None:
                continue
            del self._messages[number - 1]
            if number <= self._told:
                self._told -= 1
                yield f"* {number} EXPUNGE"
        self._gone.clear()

    def _number(self, message: Message) -> int | None:
        index = bisect_left(self._messages, message.uid, key=_uid)
        known = index < len(self._messages) and self._messages[index] is message
        return index + 1 if known else None

    def appended(self, message: Message) -> None:
        """Take note of a new message."""
        self._messages.append(message)
        if not self.read_only:
            self.folder.first_recent = self.folder.uid_next
        self.changed.set()

    def removed(self, message: Message) -> None:
        """Take note that a message has gone."""
        self._flagged.pop(message.uid, None)
        self._gone.append(message)
        self.changed.set()

    def flagged(self, message: Message) -> None:
        """Take note of changed flags."""
        if not self._silent:
            self._flagged[message.uid] = message
            self.changed.set()

    def closed(self) -> None:
        """Take note that the folder or its UIDs are no longer valid."""
        self.valid = False
        self.changed.set()


def _uid(message: Message) -> int:
    return message.uid
