"""Many processes ask for the token of one expired account at once; the holder may be killed.

The provider takes each refresh token once. So a holder that is killed between the provider's
taking it and the commit of its answer loses the grant: the documented window, the only one.
"""

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .bench import Bench, Worker


class Holder(StrEnum):
    """What becomes of the process that holds the lease."""

    LIVES = "lives"
    KILLED = "is killed during its POST"
    KILLED_ANY_TIME = "is killed at a random moment"


#: Seconds: what a POST takes at least, the moments to draw from, when all has come to rest.
_POST, _MOMENTS, _REST = 0.2, 0.5, 0.8
#: Seconds: a POST has all the time that a crowded machine needs. So a killed holder's lease would
#: last 45: it is cut down to what is waited for.
_TIMEOUT, _LEASE_LEFT = 20, 2.0


@dataclass(frozen=True)
class Crowd:
    """What a crowd saw."""

    holder: Holder
    asked: int
    valid: int
    posts: int
    others: tuple[str, ...]
    #: Whether the holder was killed in the window, and whether the grant was lost.
    in_window: bool
    lost: bool

    @property
    def holds(self) -> bool:
        """Return whether it went as it must."""
        if self.lost or self.in_window:
            # Nobody gets a wrong token either: all are told to sign in again.
            return self.lost and self.in_window and self.valid == 0 and self.posts <= 2
        if self.holder is Holder.LIVES:
            return (self.valid, self.posts, self.others) == (self.asked, 1, ())
        return self.valid >= self.asked - 1 and self.posts <= 2 and not self.others


def ask_at_once(bench: Bench, count: int, holder: Holder = Holder.LIVES) -> Crowd:
    """Let `count` processes ask at once."""
    scene = _Scene(bench, holder)
    worker = bench.worker(do="crowd", count=count, account=bench.account)
    scene.heard.append(worker.report())  # all are ready
    worker.go()
    if holder is not Holder.LIVES:
        scene.kill(worker)
        bench.let_lease_pass(left=_LEASE_LEFT)
    scene.heard += worker.reports()
    return scene.counted(count)


@dataclass
class _Scene:
    """One account, expired, and what is heard of those who ask for its token."""

    bench: Bench
    holder: Holder
    heard: list[dict[str, Any]] = field(default_factory=list)
    in_window: bool = False

    def __post_init__(self) -> None:
        self.bench.changes["http_timeout"] = _TIMEOUT
        assert self.bench.account
        self.bench.sim.tenant.policies.refresh_tokens_once = True
        self.bench.expire()
        if self.holder is Holder.KILLED:
            # Neither answered nor taken: the refresh token is as good as before.
            self.bench.script(delay=1.0, status=503)
        if self.holder is Holder.KILLED_ANY_TIME:
            self.bench.script(passes=True, delay=_POST)
        self.posts, self.taken = self.bench.posts, self._taken()
        self.version = self.bench.row().token_version

    def kill(self, worker: Worker) -> None:
        """Kill the holder of the lease."""
        pid = self._await_lease(worker)
        if self.holder is Holder.KILLED:
            self.bench.await_posts(self.posts + 1)
            os.kill(pid, signal.SIGKILL)
            return
        if random.random() < 0.5:  # else the moment counts from the lease
            self.bench.await_posts(self.posts + 1)
        time.sleep(random.uniform(0, _MOMENTS))
        with suppress(ProcessLookupError):  # it was done before
            os.kill(pid, signal.SIGKILL)
        time.sleep(_REST)  # the provider goes on with what has reached it
        committed = self.bench.row().token_version > self.version
        self.in_window = self._taken() > self.taken and not committed

    def _await_lease(self, worker: Worker) -> int:
        while self.heard[-1].get("at") != "lease":
            self.heard.append(worker.report())
            if not self.heard[-1]:
                said = {f"{told.get('kind')} {told.get('why', '')}" for told in self.heard[1:-1]}
                raise RuntimeError(f"The crowd ended before anyone took the lease: {said}")
        pid: int = self.heard[-1]["pid"]
        return pid

    def _taken(self) -> int:
        return len(self.bench.sim.tenant.refresh_tokens._used)

    def counted(self, count: int) -> Crowd:
        """Compare the answers with the row, and ask once more."""
        answers = [report for report in self.heard if "kind" in report]
        stored = self.bench.stored()
        valid = [answer for answer in answers if answer.get("token") == stored]
        others = Counter(f"{a['kind']} {a.get('why', '')}" for a in answers if a not in valid)
        told = tuple(f"{times} times {kind}" for kind, times in others.items())
        posts = self.bench.posts - self.posts
        self.bench.expire()
        lost = self.bench.ask().kind != "token"
        return Crowd(self.holder, count, len(valid), posts, told, self.in_window, lost)
