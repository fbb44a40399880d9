"""Mail that waited untried for long: it may have left before a backup was restored.

An administrator says so by ``mail adopt --restored``. Where that was forgotten, such mail is
looked for in Sent Items before its first attempt.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.permission import SYSTEM
from ...schemas.verdict import Verdict
from ..errors import MailError, RegistrationError, SignInNeededError, UnavailableError
from ..store import outbox, work
from ..store.engines import reading
from . import pausing
from .looking import Looker
from .queueing import origin

if TYPE_CHECKING:
    from ...schemas.mail_settings import MailTimes
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow
    from ..vault.renewal import Vault

log = logging.getLogger(__name__)

#: Mails that are looked for with one visit to the mailbox.
_MOST = 500


@dataclass(frozen=True)
class Forgotten:
    """Looks for what is to be looked for before its first attempt."""

    context: Context
    vault: Vault

    @property
    def _times(self) -> MailTimes:
        return self.context.settings.mail.times

    def holds(self, mail: DeliveryRow) -> bool:
        """Return whether a mail that was just claimed must not leave before a look."""
        if mail.attempts != 1 or mail.resent or mail.looks > 0:
            return False
        with reading(self.context.engine) as connection:
            waited = outbox.clock(connection) - mail.queued_at
        return mail.looks < 0 or waited >= self._times.forgotten

    def look(self, row: AccountRow) -> float:
        """Look for all such mail of an account; return the seconds for which nothing may leave."""
        mails, since = self._unlooked(row.id)
        if not mails:
            return 0.0
        looker = Looker(self.context, self.vault)
        try:
            looker.before_sending(row, mails, since)
        except MailError as err:
            log.warning("mail of %s was not looked for: %s", row.id, err)
            if err.verdict is Verdict.PASSING:
                return err.retry_after or self._times.retries[0]
            # A mailbox that can never be read would keep its mail for ever.
            for mail in mails:
                looker.may_leave(mail, "look_failed")
        except (SignInNeededError, RegistrationError) as err:
            with self.context.change(SYSTEM) as change:
                pausing.pause(change, row.id, err.code, err.server_words, self._times)
        except UnavailableError as err:
            return err.retry_after or self._times.retries[0]
        return 0.0

    def _unlooked(self, account_id: str) -> tuple[list[DeliveryRow], float]:
        """Return what is to be looked for, and since when; nothing while the account is paused."""
        with reading(self.context.engine) as connection:
            mailing = work.read_mailing(connection, account_id)
            if mailing.paused_at and (mailing.paused_until or 0.0) > outbox.clock(connection):
                return [], 0.0
            found = outbox.unlooked(
                connection, account_id, longer=self._times.forgotten, limit=_MOST
            )
            mails = [mail for mail in found if mail.origin == origin(self.context)]
            return mails, outbox.first_step(connection, [mail.id for mail in mails])
