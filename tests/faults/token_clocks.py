"""T10: workers whose clocks are ten minutes off."""

from collections.abc import Mapping
from typing import Any

from .bench import Bench, digest
from .registry import fault


@fault(
    "T10",
    "6 workers with clocks wrong by -10, 0 and +10 minutes ask for {}",
    expected={"answers": "6 times the stored token", "POSTs": 1, "then": "0 more"},
    cases={"an expired token": -1},
)
def clocks_expired(bench: Bench, left: int) -> Mapping[str, Any]:
    bench.expire(left=left)
    first = _with_wrong_clocks(bench)
    posts = bench.posts
    _with_wrong_clocks(bench)
    return {"answers": first, "POSTs": posts, "then": f"{bench.posts - posts} more"}


@fault(
    "T10",
    "6 workers with clocks wrong by -10, 0 and +10 minutes ask for a token of 8 minutes",
    expected={"answers": "6 times the stored token", "POSTs": 0},
)
def clocks_valid(bench: Bench) -> Mapping[str, Any]:
    bench.expire(left=480)
    return {"answers": _with_wrong_clocks(bench), "POSTs": bench.posts}


def _with_wrong_clocks(bench: Bench) -> str:
    job = {"do": "crowd", "count": 6, "clocks": [-600, 0, 600], "account": bench.account}
    worker = bench.worker(**job)
    worker.report()
    worker.go()
    answers = [report for report in worker.reports() if "kind" in report]
    right = [report for report in answers if report.get("token") == bench.stored()]
    others = sorted({f"{a['kind']} {a.get('why', '')}" for a in answers if a not in right})
    return f"{len(right)} times the stored token" + "".join(f", {other}" for other in others)


@fault(
    "T10",
    "signed in by a worker whose clock is {} minutes off",
    expected={"valid for": "an hour", "POSTs": 0},
    cases={"-10": -600, "+10": 600},
)
def clock_at_sign_in(bench: Bench, seconds: int) -> Mapping[str, Any]:
    account = bench.erp.save(request_id=digest(bench.account), account_name=bench.account[-20:]).id
    query = bench.sim.sign_in(bench.erp.begin(account).url, "sales@contoso.test")
    worker = bench.worker(do="finish", query=query, clock=seconds)
    assert worker.report() == {"kind": "connected"}
    bench.account = account  # type: ignore[misc] - the bench goes on with this one
    row = bench.row()
    left = row.expires_at - row.read_at
    bench.ask()
    return {"valid for": "an hour" if 3500 < left <= 3601 else left, "POSTs": bench.posts}
