"""Engines that nobody uses give their connections back: a process may serve many databases."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class _Watched:
    close: Callable[[], None]
    seconds: float
    #: When it was last used; None once it is closed.
    used: float | None = None


class Idle:
    """Closes what has not been used for a while, in a thread that runs only while there is any."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._watched: dict[object, _Watched] = {}
        self._timer: threading.Timer | None = None

    def watch(self, key: object, close: Callable[[], None], seconds: float) -> None:
        """Call `close` whenever `key` has not been used for `seconds`."""
        with self._lock:
            self._watched[key] = _Watched(close, seconds)

    def touch(self, key: object) -> None:
        """Note that `key` is used now; one that is not watched is none of ours."""
        with self._lock:
            watched = self._watched.get(key)
            if watched is not None:
                watched.used = time.monotonic()
                self._arm(watched.seconds)

    def forget(self) -> None:
        """Watch nothing any more."""
        with self._lock:
            self._watched.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(seconds, self._close_idle)
            self._timer.name, self._timer.daemon = "m365-idle", True
            self._timer.start()

    def _close_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            self._timer = None
            used = [each for each in self._watched.values() if each.used is not None]
            idle = [each for each in used if now - (each.used or now) >= each.seconds]
            for each in idle:
                each.used = None
            left = [each.seconds - (now - each.used) for each in used if each.used is not None]
            if left:
                self._arm(max(0.1, min(left)))
        for each in idle:
            each.close()


IDLE = Idle()
if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    # The child has no such thread, opens connections of its own, and leaves its parent's alone.
    os.register_at_fork(after_in_child=IDLE._reset)  # noqa: SLF001 - a part of it
