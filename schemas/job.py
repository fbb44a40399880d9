"""The jobs that a host's scheduler runs for the plugin, and what one run of a job came to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

_MINUTE, _HOUR, _DAY = 60, 3600, 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: to be run `every` so many seconds; sooner, later or twice at once does no harm."""

    name: str
    title: str
    every: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReport:
    """What one run did: how many things are `done`, `failed`, or `left` to the next run.

    `next_at` is when there is more to do, None for nothing that is known of.
    """

    name: str
    done: int = 0
    failed: int = 0
    left: int = 0
    next_at: datetime | None = None


KEEP_ALIVE = "m365:keep_alive"
WARN = "m365:warn"
CLEAN = "m365:clean"
DELIVER = "m365:deliver"
LOOK = "m365:look"

JOBS = (
    Job(name=KEEP_ALIVE, title="Renew sign-ins that were long unused", every=_DAY),
    Job(name=WARN, title="Warn before the client secret or certificate expires", every=6 * _HOUR),
    Job(name=CLEAN, title="Clear old sign-in attempts and events", every=_DAY),
    Job(name=DELIVER, title="Deliver queued mail", every=_MINUTE),
    Job(name=LOOK, title="Look for mail whose acceptance nobody saw", every=_MINUTE),
)
