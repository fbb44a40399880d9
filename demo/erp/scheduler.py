"""The ERP's scheduler: one thread that runs the plugins' jobs, from ``with`` to its end."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Self

from ...hooks import SYSTEM, M365Error
from .handing_over import LEFT_BEHIND, sweep

if TYPE_CHECKING:
    from types import TracebackType

    from ...hooks import Job
    from .host import DemoHost

log = logging.getLogger(__name__)

#: Seconds between two looks for work, so that a page shows within a second or two what became of
#: a mail. An ERP with more to do runs each job as often as its `every` says.
_LOOK = 1.0
#: The jobs that do what ``salesorder_work_due`` lists.
_WORK = frozenset({"m365:deliver", "m365:look"})
#: How long the end of the demo waits for a job, in seconds.
_PATIENCE = 10.0


class Scheduler:
    """Runs each job when it is due, and those that send mail whenever there is work."""

    def __init__(self, host: DemoHost) -> None:
        self._host = host
        self._ended = threading.Event()
        self._next: dict[str, float] = {}
        # A daemon: a mail server that does not answer keeps nobody from stopping the demo.
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread; what a demo that was killed left behind comes first."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(_PATIENCE)

    def _run(self) -> None:
        left_behind = 0.0
        while not self._ended.wait(_LOOK):
            try:
                self.turn(left_behind)
            except M365Error as err:
                log.warning("the scheduler goes on after: %s", err)
            except Exception:
                log.exception("the scheduler goes on")
            left_behind = LEFT_BEHIND

    def turn(self, left_behind: float) -> None:
        """Hand over what was stored `left_behind` seconds ago and never queued; run what is due."""
        sweep(self._host, left_behind=left_behind)
        hook = self._host.plugins.hook
        work = hook.salesorder_work_due(host=self._host, limit=1, worker=SYSTEM)
        for jobs in hook.salesorder_jobs():
            for job in jobs:
                if self._is_due(job) or (work and job.name in _WORK):
                    hook.salesorder_job_run(host=self._host, name=job.name, worker=SYSTEM)

    def _is_due(self, job: Job) -> bool:
        """Return whether a job's time has come; then its next one is set."""
        now = time.monotonic()
        if now < self._next.get(job.name, 0.0):
            return False
        self._next[job.name] = now + job.every
        return True
