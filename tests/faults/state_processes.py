"""Faults of the worker processes: D4, killed; D5, many at once; D6, too late."""

import time
from collections.abc import Mapping
from typing import Any

from .bench import Bench
from .crowd import Crowd, Holder, ask_at_once
from .registry import fault

_KILLED = {"row": "opens", "next worker": "token", "account": "connected"}
_POINTS = {
    "lease": "after taking the lease",
    "post": "during the POST",
    "answer": "after the answer, before the UPDATE",
    "write": "after the UPDATE, before the COMMIT",
    "commit": "after the COMMIT",
}


def kill_at(bench: Bench, point: str) -> None:
    """Let a process renew the token and kill it at the named point."""
    bench.expire()
    job: dict[str, Any] = {"do": "ask", "account": bench.account}
    if point == "post":
        bench.script(passes=True, delay=0.6)
        worker = bench.worker(**job)
        bench.await_posts(1)
        worker.kill()
        time.sleep(0.8)  # the endpoint goes on with what it has accepted
        return
    worker = bench.worker(**job, stop_at=point)
    assert worker.report()["at"] == point
    worker.kill()


def after_the_kill(bench: Bench) -> dict[str, Any]:
    """Ask as another worker does once the dead one's lease has run out."""
    opens = bool(bench.stored())
    bench.let_lease_pass()
    answer = bench.ask()
    return {
        "row": "opens" if opens else "LOST",
        "next worker": answer.kind,
        "account": str(bench.erp.view(bench.account).state),
    }


def _register_kills() -> None:
    posts = {"lease": 1, "post": 2, "answer": 2, "write": 2, "commit": 1}
    for point, when in _POINTS.items():

        @fault("D4", f"kill -9 {when}", expected={**_KILLED, "POSTs": posts[point]})
        def killed(bench: Bench, point: str = point) -> Mapping[str, Any]:
            kill_at(bench, point)
            return {**after_the_kill(bench), "POSTs": bench.posts}


_register_kills()


@fault(
    "D4",
    "kill -9 {}, each refresh token accepted once: grants lost",
    expected={"lost": 0},
    cases={_POINTS[point]: point for point in ("lease", "commit")},
)
@fault(
    "D4",
    "kill -9 {}, each refresh token accepted once: grants lost (the documented window)",
    expected={"lost": 1},
    cases={_POINTS[point]: point for point in ("answer", "write")},
)
def killed_strictly(bench: Bench, point: str) -> Mapping[str, Any]:
    assert bench.account
    bench.sim.tenant.policies.refresh_tokens_once = True
    kill_at(bench, point)
    return {"lost": int(after_the_kill(bench)["next worker"] != "token")}


_CROWD = 12


@fault(
    "D5",
    f"{_CROWD} processes ask at once, each refresh token accepted once",
    expected={"valid": _CROWD, "POSTs": 1, "others": (), "lost": False},
)
def crowd(bench: Bench) -> Mapping[str, Any]:
    return _of_crowd(ask_at_once(bench, _CROWD))


@fault(
    "D5",
    f"{_CROWD} processes, the holder killed during its POST, its lease running out",
    expected={"valid": _CROWD - 1, "POSTs": 2, "others": (), "lost": False},
)
def crowd_without_holder(bench: Bench) -> Mapping[str, Any]:
    return _of_crowd(ask_at_once(bench, _CROWD, Holder.KILLED))


def _of_crowd(seen: Crowd) -> dict[str, Any]:
    return {"valid": seen.valid, "POSTs": seen.posts, "others": seen.others, "lost": seen.lost}


@fault(
    "D6",
    "the lease runs out during a slow POST; another worker {}",
    expected={"both": "the stored token", "stored": "the other's", "POSTs": 2},
    cases={"has renewed": 0.0, "is still renewing": 0.9},
)
def outlived(bench: Bench, delay: float) -> Mapping[str, Any]:
    bench.expire()
    bench.script(passes=True, delay=0.5)
    bench.script(passes=True, delay=delay)
    late = bench.asking()
    bench.await_posts(1)
    bench.let_lease_pass()
    other = bench.asking(bench.host()).result()
    tokens = {late.result().token, other.token}
    return {
        "both": "the stored token" if tokens == {bench.stored()} else sorted(tokens),
        "stored": "the other's" if other.token == bench.stored() else "THE LATE ONE'S",
        "POSTs": bench.posts,
    }
