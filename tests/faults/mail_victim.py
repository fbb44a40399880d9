"""A process that asks faulty mail servers and tells how far its memory grew meanwhile.

Apart, because a test run's own memory would hide it. Jobs come as lines of JSON on stdin, what was
seen goes to stdout as such lines.
"""

import faulthandler
import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from salesorder_m365.plugin.errors import MailError
from salesorder_m365.schemas.permission import SYSTEM
from support.any_server import settings_with_any_server
from support.erp import Erp

_STATUS, _RESET_PEAK = Path("/proc/self/status"), "5"
#: Seconds; a job that takes longer ends the process.
_LONGEST = 90.0


def peak() -> int:
    """Return the most memory that the process has had, in kB; proc(5), VmHWM."""
    lines = _STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def test(erp: Erp, account: str) -> dict[str, Any]:
    """Test the connection."""
    report = erp.test(account, worker=SYSTEM)
    findings, failed = report.findings, [s for s in report.stages if s.status == "failed"]
    return {
        "finding": " ".join(found.code for found in findings),
        "stage": " ".join(stage.name for stage in failed),
        "remedy": "told" if all(found.steps for found in findings) else "MISSING",
    }


def choices(erp: Erp, account: str) -> dict[str, Any]:
    """Ask for the folders that may be chosen."""
    try:
        found = erp.choices(account)
    except MailError as err:
        return {"finding": err.code, "stage": err.stage, "folders": 0}
    return {"finding": "", "stage": "", "folders": len(found.folders)}


def save(erp: Erp, account: str) -> dict[str, Any]:
    """Map a folder."""
    try:
        erp.map(account, inbox="INBOX")
    except MailError as err:
        return {"finding": err.code, "stage": err.stage}
    return {"finding": "", "stage": ""}


ACTIONS = {"test": test, "choices": choices, "save": save}


class Victim:
    """Does jobs; `first` is the peak of memory once all was done in peace."""

    def __init__(self) -> None:
        self.first = 0

    def seen(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do a job with the faulty servers, and test with the healthy ones afterwards."""
        healthy = Erp(settings_with_any_server(job["healthy"]), name=job["name"])
        faulty = Erp(settings_with_any_server(job["faulty"]), name=job["name"])
        if not self.first:
            assert all(not act(healthy, job["account"])["finding"] for act in ACTIONS.values())
            self.first = peak()
        _STATUS.with_name("clear_refs").write_text(_RESET_PEAK)
        began = time.monotonic()
        seen = ACTIONS[job["do"]](faulty, job["account"])
        seconds = time.monotonic() - began
        grown = (peak() - self.first) / 1024
        after = healthy.test(job["account"], worker=SYSTEM).passed
        return {"facts": seen, "seconds": seconds, "grown": grown, "after": after}


def main() -> None:
    victim = Victim()
    for line in sys.stdin:
        faulthandler.dump_traceback_later(_LONGEST, exit=True)
        answer = victim.seen(json.loads(line))
        faulthandler.cancel_dump_traceback_later()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
