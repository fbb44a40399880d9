"""The scheduled jobs: keep sign-ins alive, warn before a credential expires, clear what is old.

Each may be run at any time, by several workers at once, and be broken off: the next run goes on.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ...schemas.job import CLEAN, KEEP_ALIVE, WARN, JobReport
from ...schemas.permission import Permission
from ..border import use_case
from ..errors import (
    BadRequestError,
    RegistrationError,
    SignInNeededError,
    UnavailableError,
)
from ..settings.expiry import credential_expiry
from ..store import events, upkeep
from ..store.engines import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..context import Context
    from ..vault.renewal import Vault

log = logging.getLogger(__name__)

_DAY = 24 * 3600.0
#: Microsoft forgets a refresh token after 90 days without use (learn.microsoft.com, "Refresh
#: tokens in the Microsoft identity platform").
UNUSED_SECONDS = 60 * _DAY
#: One run renews for so many seconds at most; the next one goes on.
_RUN_SECONDS = 600.0
#: So many passing faults in a row mean that Microsoft is not to be reached now.
_FAULTS = 3
THRESHOLDS = (1, 7, 30)
_EVENTS_KEPT = timedelta(days=365)


@dataclass(frozen=True)
class Jobs:
    """The jobs of one host."""

    context: Context
    vault: Vault

    @use_case
    def run(self, name: str, worker: str) -> JobReport:
        """Run one job. Raises ``BadRequestError`` for a name that there is not."""
        self.context.require(worker, Permission.MAINTAIN)
        jobs: Mapping[str, Callable[[], JobReport]] = {
            KEEP_ALIVE: self.keep_alive,
            WARN: self.warn,
            CLEAN: self.clean,
        }
        if name not in jobs:
            raise BadRequestError("job_unknown", argument=name)
        report = jobs[name]()
        log.info("%s", report)
        return report

    def keep_alive(self) -> JobReport:
        """Renew the grants that nobody used for 60 days, one after another."""
        with reading(self.context.engine) as connection:
            waiting = upkeep.unused_grants(connection, seconds=UNUSED_SECONDS)
        done = failed = in_a_row = 0
        until = time.monotonic() + _RUN_SECONDS
        for account_id in waiting:
            if time.monotonic() > until or in_a_row == _FAULTS:
                break
            try:
                self.vault.token(account_id)
                done, in_a_row = done + 1, 0
            except SignInNeededError:
                failed, in_a_row = failed + 1, 0  # the vault has marked and told it
            except UnavailableError:
                failed, in_a_row = failed + 1, in_a_row + 1
            except RegistrationError:
                break  # no account is at fault, and none can be renewed now
        left = len(waiting) - done - failed
        return JobReport(name=KEEP_ALIVE, done=done, failed=failed, left=left)

    def warn(self) -> JobReport:
        """Tell 30, 7 and 1 days ahead that the secret or certificate expires; each once."""
        try:
            expiry = credential_expiry(self.context.settings)
        except RegistrationError:
            return JobReport(name=WARN, failed=1)  # `health` says why
        if expiry is None:
            return JobReport(name=WARN)
        days = expiry.days_left(self.context.now().date())
        threshold = next((each for each in THRESHOLDS if days <= each), None)
        if threshold is None:
            return JobReport(name=WARN)
        told = self.context.emit_once(
            f"secret_expiring {expiry.credential} {expiry.on} {threshold}",
            _EVENTS_KEPT.total_seconds(),
            "secret_expiring",
            credential=expiry.credential,
            expires=expiry.on.isoformat(),
            days=str(days),
        )
        return JobReport(name=WARN, done=int(told))

    def clean(self) -> JobReport:
        """Clear sign-in attempts that ran out a day ago, and what is older than a year."""
        now = self.context.now()
        with writing(self.context.engine) as connection:
            done = upkeep.delete_attempts(connection, before=now - timedelta(days=1))
            done += events.delete_events(connection, before=now - _EVENTS_KEPT)
            done += events.delete_notices(connection, seconds=_EVENTS_KEPT.total_seconds())
        return JobReport(name=CLEAN, done=done)
