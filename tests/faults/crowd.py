"""Many processes ask for the token of one expired account at once; the holder may be killed."""

import os
import signal
from dataclasses import dataclass
from typing import Any

from .bench import Bench


@dataclass(frozen=True)
class Crowd:
    """What a crowd saw. `lost` is how many grants a strict provider refused afterwards."""

    asked: int
    valid: int
    posts: int
    others: tuple[str, ...]
    lost: int

    def holds(self, *, killed: bool) -> bool:
        """Tell whether it went as it must."""
        right = (1, self.asked) if not killed else (2, self.asked - 1)
        posts = self.posts <= right[0] if killed else self.posts == right[0]
        return posts and self.valid == right[1] and not self.others and not self.lost


def ask_at_once(
    bench: Bench, count: int, *, kill_holder: bool = False, age_lease: bool = False
) -> Crowd:
    """Let `count` processes ask at once, with a provider that takes each refresh token once.

    With `age_lease` the killed holder's lease runs out at once, else the others wait for it.
    """
    assert bench.account
    bench.sim.tenant.policies.refresh_tokens_once = True
    bench.expire()
    if kill_holder:
        # Not answered and not processed: the refresh token is not used up by it.
        bench.script(delay=1.0, status=503)
    before = bench.posts
    worker = bench.worker(do="crowd", count=count, account=bench.account)
    reports = [worker.report()]  # all are ready
    worker.go()
    if kill_holder:
        while reports[-1].get("at") != "lease":
            reports.append(worker.report())
            if not reports[-1]:
                raise RuntimeError("The crowd ended before anyone took the lease.")
        bench.await_posts(before + 1)
        os.kill(reports[-1]["pid"], signal.SIGKILL)
        if age_lease:
            bench.let_lease_pass()
    reports += worker.reports()
    return _counted(bench, count, bench.posts - before, reports)


def _counted(bench: Bench, count: int, posts: int, reports: list[dict[str, Any]]) -> Crowd:
    answers = [report for report in reports if "kind" in report]
    stored = bench.stored()
    valid = [answer for answer in answers if answer.get("token") == stored]
    others = tuple(f"{a['kind']}: {a.get('why', '')}" for a in answers if a not in valid)
    bench.expire()
    return Crowd(
        asked=count,
        valid=len(valid),
        posts=posts,
        others=others,
        lost=int(bench.ask().kind != "token"),
    )
