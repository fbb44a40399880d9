"""The scheduled jobs: keep sign-ins alive, warn before a credential expires, clear what is old.

Each may be run at any time and by several workers at once. The next run continues where one was
killed.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ...schemas.job import CLEAN, DELIVER, KEEP_ALIVE, LOOK, WARN, JobReport
from ...schemas.permission import Permission
from ..border import use_case
from ..errors import (
    BadRequestError,
    M365Error,
    RegistrationError,
    StoreError,
    UnavailableError,
)
from ..settings.expiry import credential_expiry
from ..store import events, upkeep
from ..store.engines import reading, writing
from ..vault.renewal import MARK_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..context import Context
    from ..mail.mail import Mail
    from ..vault.renewal import Vault

log = logging.getLogger(__name__)

_DAY = 24 * 3600.0
#: Microsoft forgets a refresh token after 90 days without use (learn.microsoft.com, "Refresh
#: tokens in the Microsoft identity platform").
UNUSED_SECONDS = 60 * _DAY
#: One run renews for so many seconds at most; the next one goes on.
_RUN_SECONDS = 600.0
#: So many times in a row without any answer mean that Microsoft is not to be reached now.
_UNREACHED = 3
THRESHOLDS = (1, 7, 30)
_EVENTS_KEPT = timedelta(days=365)


@dataclass(frozen=True)
class Jobs:
    """The jobs of one host."""

    context: Context
    vault: Vault
    mail: Mail

    @use_case
    def run(self, name: str, worker: str) -> JobReport:
        """Run one job. Raises ``BadRequestError`` for a name that there is not."""
        self.context.require(worker, Permission.MAINTAIN)
        jobs: Mapping[str, Callable[[], JobReport]] = {
            KEEP_ALIVE: self.keep_alive,
            WARN: self.warn,
            CLEAN: self.clean,
            DELIVER: lambda: self.mail.run_all("deliver", _RUN_SECONDS),
            LOOK: lambda: self.mail.run_all("look", _RUN_SECONDS),
        }
        if name not in jobs:
            raise BadRequestError("job_unknown", argument=name)
        report = jobs[name]()
        log.info("%s", report)
        return report

    def keep_alive(self) -> JobReport:
        """Renew what nobody used for 60 days, and try again what was refused a day ago.

        One after another, whatever becomes of the ones before: no account's fault is another's.
        """
        with reading(self.context.engine) as connection:
            waiting = upkeep.grants_to_renew(
                connection, unused=UNUSED_SECONDS, refused=MARK_SECONDS
            )
        renewed: list[bool] = []
        unreached = 0
        until = time.monotonic() + _RUN_SECONDS
        for account_id in waiting:
            if time.monotonic() > until or unreached == _UNREACHED:
                break
            err = self._renewed(account_id)
            renewed.append(err is None)
            unreached = unreached + 1 if _says_nothing_of_the_account(err) else 0
        done, tried = sum(renewed), len(renewed)
        left = len(waiting) - tried
        return JobReport(name=KEEP_ALIVE, done=done, failed=tried - done, left=left)

    def _renewed(self, account_id: str) -> Exception | None:
        """Renew one account's grant; return what came in between."""
        try:
            self.vault.token(account_id)
        except M365Error as err:
            log.warning("grant of %s not kept alive: %s", account_id, err)
            self._put_behind(account_id)
            return err
        except Exception as err:  # the next accounts must not pay for a fault of ours
            log.exception("grant of %s not kept alive", account_id)
            self._put_behind(account_id)
            return err
        return None

    def _put_behind(self, account_id: str) -> None:
        with suppress(StoreError), writing(self.context.engine) as connection:
            upkeep.note_tried(connection, account_id)

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
        """Clear old sign-in attempts and events, and bodies of mail that nobody needs any more."""
        now = self.context.now()
        with writing(self.context.engine) as connection:
            done = upkeep.delete_attempts(connection, before=now - timedelta(days=1))
            done += events.delete_events(connection, before=now - _EVENTS_KEPT)
            done += events.delete_notices(connection, seconds=_EVENTS_KEPT.total_seconds())
        done += self.mail.purge()
        return JobReport(name=CLEAN, done=done)


def _says_nothing_of_the_account(err: Exception | None) -> bool:
    """Return whether Microsoft did not answer at all, or would not answer anybody."""
    if not isinstance(err, UnavailableError):
        return False
    return err.code == "throttled" or isinstance(err.__cause__, OSError)
