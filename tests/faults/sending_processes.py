"""Faults of the workers: S19, killed at each step; S20, stopped past the deadline; S21, two."""

import os
import signal
import time
from typing import Any

from .bench import Bench, Call
from .registry import SQLITE, Facts, fault
from .sending_ground import SENT_ONCE, TIMES, Outbox

_STEPS = {
    "claimed": "after the claim",
    "prepared": "before the point of no return",
    "marked": "after its UPDATE, before the COMMIT",
    "handed": "after its COMMIT, before the end of data",
    "replied": "after the reply, before the verdict",
    "settled": "after the verdict's UPDATE, before the COMMIT",
}


def job_of(box: Outbox, **job: Any) -> dict[str, Any]:
    """Return what a worker process is to do with an outbox."""
    return {"do": "deliver", "account": box.account, "times": TIMES, **job}


@fault("S19", "kill -9 {}", expected=SENT_ONCE, cases={_STEPS[step]: step for step in _STEPS})
def killed(bench: Bench, step: str) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    worker = bench.worker(**job_of(box, stop_at=step))
    assert worker.report()["at"] == step
    worker.kill()
    box.let_leases_pass()
    box.deliver()
    return box.end(mail)


@fault(
    "S20",
    "a worker is stopped (SIGSTOP) before the end of data, past its deadline, and goes on",
    expected={"accepted when it went on": 0, **SENT_ONCE},
    on=(SQLITE,),
)
def stopped(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    worker = bench.worker(**job_of(box, freeze_at="handed"))
    assert worker.report()["at"] == "handed"
    time.sleep(TIMES["reply_in_job"] + TIMES["lease_margin"] + 0.5)
    os.kill(worker.pid, signal.SIGCONT)
    worker.reports()
    accepted = box.taken(mail)
    box.let_leases_pass()
    return {"accepted when it went on": accepted, **box.end(mail)}


@fault(
    "S21",
    "two workers deliver an account's ten mails at once",
    expected={"accepted": 10, "most often": 1},
)
def two_workers(bench: Bench) -> Facts:
    box = Outbox(bench)
    mails = [box.send(f"{number}") for number in range(10)]
    calls = [Call(box.deliver) for _ in range(2)]
    for call in calls:
        call.result()
    box.deliver()
    accepted = [box.taken(mail) for mail in mails]
    return {"accepted": sum(accepted), "most often": max(accepted)}
