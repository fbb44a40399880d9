"""How much a mailbox may send: connections, messages a minute, recipients and errors a day.

The signed-in user is counted, not the From, and refused messages count too: both are
unofficial, from a public copy of a support wiki.
"""

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ...tenant.policies import Policies

DAY = 24 * 3600


class Window:
    """A sum over the last so many seconds, sliding."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seen: deque[tuple[float, int]] = deque()
        self._sum = 0

    def sum(self, now: float) -> int:
        """Return the sum up to `now`."""
        while self._seen and self._seen[0][0] <= now - self._seconds:
            self._sum -= self._seen.popleft()[1]
        return self._sum

    def add(self, now: float, count: int) -> None:
        """Add to the sum."""
        self._seen.append((now, count))
        self._sum += count


@dataclass
class _Sender:
    """What one signed-in user did lately; times are the clock's."""

    sessions: list[object] = field(default_factory=list)
    #: when each of the last messages goes, the delayed ones in the future
    minute: deque[float] = field(default_factory=deque)
    recipients: Window = field(default_factory=lambda: Window(DAY))
    refusals: dict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    throttled: dict[str, float] = field(default_factory=dict)


class Limits:
    """Counts for all signed-in users."""

    def __init__(self, policies: Policies, clock: Callable[[], float] = time.monotonic) -> None:
        self._policies = policies
        self._clock = clock
        self._senders: dict[str, _Sender] = defaultdict(_Sender)
        self._outside = Window(DAY)

    def reset(self) -> None:
        """Forget all but the sessions that are open."""
        for user, sender in list(self._senders.items()):
            self._senders[user] = _Sender(sender.sessions)
        self._outside = Window(DAY)

    def enter(self, user: str, session: object) -> None:
        """Count a session that has signed in."""
        self._senders[user].sessions.append(session)

    def leave(self, user: str, session: object) -> None:
        """Stop counting a session."""
        sessions = self._senders[user].sessions
        if session in sessions:
            sessions.remove(session)

    def has_too_many_sessions(self, user: str, session: object) -> bool:
        """Return whether this session is beyond those that the mailbox may have."""
        most = self._policies.connections_per_mailbox
        sessions = self._senders[user].sessions
        return most is not None and session in sessions[most:]

    def place_in_minute(self, user: str) -> float:
        """Take a place among the messages of a minute; return the seconds until it comes."""
        now, most = self._clock(), self._policies.messages_per_minute
        if most is None:
            return 0.0
        minute, length = self._senders[user].minute, self._policies.minute_seconds
        if most == 0:
            return float(length)
        while minute and minute[0] <= now - length:
            minute.popleft()
        place = now if len(minute) < most else max(now, minute[len(minute) - most] + length)
        minute.append(place if self._policies.above_minute == "delayed" else now)
        return place - now

    def take_recipients(self, user: str, count: int) -> bool:
        """Count recipients of a day; return whether they are within the mailbox's limit."""
        most = self._policies.recipients_per_day
        return self._take(self._senders[user].recipients, count, most)

    def take_outside(self, count: int) -> bool:
        """Count the tenant's external recipients; return whether they are within its limit."""
        return self._take(self._outside, count, self._policies.external_recipients_per_day)

    def _take(self, window: Window, count: int, most: int | None) -> bool:
        now = self._clock()
        within = most is None or window.sum(now) + count <= most
        if within:
            window.add(now, count)
        return within

    def note_refusal(self, user: str, kind: str) -> None:
        """Count a refusal; enough of a kind throttle the sender for a time."""
        most = self._policies.throttled_after_refusals
        if most is None:
            return
        now, length = self._clock(), self._policies.throttled_seconds
        refusals = self._senders[user].refusals[kind]
        refusals.append(now)
        while refusals and refusals[0] <= now - length:
            refusals.popleft()
        if len(refusals) >= max(most, 1):
            self._senders[user].throttled[kind] = now + length

    def throttled(self, user: str) -> str | None:
        """Return the kind of refusal for which this sender is throttled now."""
        standing = self._policies.senders_throttled
        if standing != "no":
            return standing
        now = self._clock()
        found = self._senders[user].throttled.items()
        return next((kind for kind, until in found if until > now), None)
