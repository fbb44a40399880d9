"""Forking while other threads use SQLite: the fork waits until they are out of it.

SQLite guards its memory by locks of the process. A child that is forked while another thread holds
one inherits it locked, and waits for ever at its first statement
(sqlite.org/howtocorrupt.html, "Carrying an open database connection across a fork()").
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Seconds that a fork waits at most: a thread may itself be waiting for a locked database.
_PATIENCE = 5.0


class Gate:
    """Lets threads in and out, and keeps them out while the process forks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: Counter[int] = Counter()
        self._forking: int | None = None

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside for the block; one thread may be so several times at once."""
        thread = threading.get_ident()
        with self._changed:
            while self._forking not in {None, thread} and thread not in self._inside:
                self._changed.wait()
            self._inside[thread] += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[thread] -= 1
                if not self._inside[thread]:
                    del self._inside[thread]
                self._changed.notify_all()

    def close(self) -> None:
        """Let nobody else in, and wait until the others are out."""
        thread = threading.get_ident()
        with self._changed:
            self._forking = thread
            self._changed.wait_for(lambda: not self._inside.keys() - {thread}, _PATIENCE)

    def open(self) -> None:
        """Let everybody in again."""
        with self._changed:
            self._forking = None
            self._changed.notify_all()

    def reset(self) -> None:
        """Begin again in a forked child, where no other thread exists."""
        self._changed = threading.Condition()
        self._inside.clear()
        self._forking = None


SQLITE = Gate()
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(
        before=SQLITE.close, after_in_parent=SQLITE.open, after_in_child=SQLITE.reset
    )
