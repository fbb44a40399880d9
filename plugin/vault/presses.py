"""How often a person's presses of Test Connection let one account ask Microsoft, per process."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

#: So many presses within so many seconds: Microsoft refuses a client that loops (AADSTS50196).
PRESSES, WITHIN = 10, 60.0
#: Accounts that are remembered; the one that was pressed longest ago is forgotten first.
_REMEMBERED = 10_000


class Presses:
    """Counts the presses of each account. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pressed: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def allow(self, host: str, account_id: str) -> bool:
        """Return whether Microsoft may be asked, and count it if so."""
        now = time.monotonic()
        with self._lock:
            times = self._pressed.setdefault((host, account_id), deque(maxlen=PRESSES))
            self._pressed.move_to_end((host, account_id))
            if len(self._pressed) > _REMEMBERED:
                self._pressed.popitem(last=False)
            if len(times) == PRESSES and now - times[0] < WITHIN:
                return False
            times.append(now)
            return True


#: Of this process.
PRESSED = Presses()
