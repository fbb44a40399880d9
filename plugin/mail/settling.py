"""What becomes of a mail: sent, tried again, failed, uncertain. Each in one transaction.

What a reply means comes with its error, as a verdict; here only follows what is done about it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...schemas.delivery import DeliveryState, RecipientState, WaitReason
from ...schemas.permission import SYSTEM
from ..store import outbox, work
from . import pausing
from .queueing import paused_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from ...schemas.mail_settings import MailTimes
    from ..context import Change, Context
    from ..errors import MailError
    from ..store.outbox import DeliveryRow

_DAY = 86400.0
#: Nobody has the mail any more.
_FREE: dict[str, Any] = {"owner": None, "lease_until": None}


@dataclass(frozen=True)
class Settlement:
    """Settles the mails of one host. `worker` stands in the events: the system, or who clicked."""

    context: Context
    worker: str = SYSTEM

    @property
    def _times(self) -> MailTimes:
        return self.context.settings.mail.times

    def sent(
        self, mail: DeliveryRow, words: str, refused: Mapping[str, MailError], owner: str
    ) -> bool:
        """Settle that the server took it; `refused` recipients were left out."""
        with self.context.change(self.worker) as change:
            if not self._finish_sent(change, mail, words, owner):
                return False
            if refused:
                self._refuse(change.connection, mail, refused)
            outbox.set_recipients(change.connection, mail.id, RecipientState.ACCEPTED)
            outbox.step(change.connection, mail.id, "sent", {"words": words})
            self._tell(change, "mail_sent", mail)
            pausing.resume(change, mail.account_id)
        return True

    def _finish_sent(self, change: Change, mail: DeliveryRow, words: str, owner: str) -> bool:
        """Write a reply down however late it comes, as long as this attempt was the last one."""
        said = {"server_words": words, "finding": ""}
        if self._finish(change, mail, DeliveryState.SENT, said, owner=owner):
            return True
        doubted = (DeliveryState.UNCERTAIN.value, DeliveryState.QUEUED.value)
        return self._finish(
            change, mail, DeliveryState.SENT, said, states=doubted, attempts=mail.attempts
        )

    def found(self, mail: DeliveryRow, evidence: Mapping[str, str]) -> bool:
        """Settle that a copy, a bounce or a reply shows that it was taken, however late."""
        states = (DeliveryState.UNCERTAIN.value, DeliveryState.FAILED.value)
        return self._found(mail, evidence, states=states)

    def found_waiting(self, mail: DeliveryRow, evidence: Mapping[str, str]) -> bool:
        """Settle the same of a mail that waits for its first attempt here."""
        return self._found(mail, evidence, states=(DeliveryState.QUEUED.value,))

    def _found(
        self,
        mail: DeliveryRow,
        evidence: Mapping[str, str],
        *,
        states: Sequence[str],
    ) -> bool:
        with self.context.change(self.worker) as change:
            found = {"evidence": dict(evidence), "finding": "", "server_words": ""}
            if not self._finish(change, mail, DeliveryState.SENT, found, states=states):
                return False
            outbox.set_recipients(change.connection, mail.id, RecipientState.ACCEPTED)
            # What a person says is not told as a copy that was found.
            name = "decided" if "by" in evidence else "found"
            outbox.step(change.connection, mail.id, name, evidence)
            self._tell(change, "mail_sent", mail, **evidence)
        return True

    def uncertain(self, mail: DeliveryRow, why: str, *, owner: str | None) -> bool:
        """Settle that nobody saw the reply: it is looked for, and not sent again."""
        first = self._times.looks[0]
        with self.context.change(self.worker) as change:
            now = outbox.clock(change.connection)
            due = (mail.handed_at or now) + first
            values = _FREE | {
                "state": DeliveryState.UNCERTAIN.value,
                "not_before": due,
                "looks": 0,
                "finding": "mail_uncertain",
            }
            if not self._settled(change, mail, values, owner):
                return False
            outbox.step(change.connection, mail.id, "uncertain", {"why": why})
            work.wake(change.connection, "look", mail.account_id, due)
        return True

    def again(self, mail: DeliveryRow, err: MailError, owner: str) -> bool:
        """Try it later after a passing refusal; give it up after a day and enough attempts."""
        with self.context.change(self.worker) as change:
            now = outbox.clock(change.connection)
            mailing = work.read_mailing(change.connection, mail.account_id)
            waited = now - mail.queued_at - (paused_seconds(mailing, now) - mail.paused_before)
            times = self._times
            if waited > times.give_up and mail.attempts >= times.least_attempts:
                return self._failed(change, mail, err.code, err.server_words, owner=owner)
            self._wait(change, mail, self._delay(mail, err), err.code, err.server_words, owner)
            if waited > times.delayed_after and "delayed" not in mail.told:
                told = dict(mail.told) | {"delayed": now}
                outbox.settle(change.connection, mail.id, {"told": told})
                self._tell(change, "mail_delayed", mail, code=err.code)
        return True

    def _delay(self, mail: DeliveryRow, err: MailError) -> float:
        if err.retry_after:
            return err.retry_after
        waits = self._times.retries
        longest = waits[min(mail.attempts, len(waits)) - 1]
        # Full jitter: mails that were refused together would come back together.
        return longest * (1 + secrets.randbelow(1000)) / 1000

    def _wait(
        self,
        change: Change,
        mail: DeliveryRow,
        seconds: float,
        code: str,
        words: str,
        owner: str,
    ) -> None:
        at = outbox.clock(change.connection) + seconds
        values = _FREE | {
            "state": DeliveryState.QUEUED.value,
            "ready": False,
            "reason": WaitReason.RETRY.value,
            "not_before": at,
            "finding": code,
            "server_words": words,
        }
        if self._settled(change, mail, values, owner):
            outbox.step(change.connection, mail.id, "refused_for_now", {"words": words})
            work.wake(change.connection, "deliver", mail.account_id, at)

    def put_back(
        self,
        mail: DeliveryRow,
        owner: str,
        *,
        seconds: float = 0.0,
        reason: WaitReason,
        code: str = "",
    ) -> bool:
        """Put it back into the queue: the attempt does not count. `code` says what came between."""
        with self.context.change(self.worker) as change:
            at = outbox.clock(change.connection) + seconds
            values = _FREE | {
                "state": DeliveryState.QUEUED.value,
                "ready": seconds <= 0,
                "reason": reason.value,
                "not_before": at,
                "attempts": max(0, mail.attempts - 1),
                "finding": code,
            }
            put = self._settled(change, mail, values, owner)
            work.wake(change.connection, "deliver", mail.account_id, at)
        return put

    def pause(self, mail: DeliveryRow, err: MailError, owner: str) -> bool:
        """Let it wait, and pause the account, which is what was refused."""
        with self.context.change(self.worker) as change:
            values = _FREE | {
                "state": DeliveryState.QUEUED.value,
                "ready": True,
                "reason": WaitReason.PAUSED.value,
                "attempts": max(0, mail.attempts - 1),
                "finding": err.code,
                "server_words": err.server_words,
            }
            put = self._settled(change, mail, values, owner)
            if put:
                outbox.step(change.connection, mail.id, "paused", {"words": err.server_words})
            pausing.pause(change, mail.account_id, err.code, err.server_words, self._times)
        return put

    def failed(self, mail: DeliveryRow, code: str, words: str = "", *, owner: str) -> bool:
        """Settle that it cannot be sent, and that trying again would not help."""
        with self.context.change(self.worker) as change:
            return self._failed(change, mail, code, words, owner=owner)

    def refused(self, mail: DeliveryRow, refused: Mapping[str, MailError], owner: str) -> bool:
        """Settle that recipients were refused, so nobody got it."""
        with self.context.change(self.worker) as change:
            first = next(iter(refused.values()))
            if not self._failed(change, mail, first.code, first.server_words, owner=owner):
                return False
            self._refuse(change.connection, mail, refused)
        return True

    def expired(self, mail: DeliveryRow, code: str) -> bool:
        """Settle that it waited too long to be sent unasked."""
        states = (DeliveryState.QUEUED.value,)
        with self.context.change(self.worker) as change:
            return self._failed(change, mail, code, states=states)

    def given_up(self, mail: DeliveryRow, code: str) -> bool:
        """Settle that nobody found out whether it was taken."""
        states = (DeliveryState.UNCERTAIN.value,)
        with self.context.change(self.worker) as change:
            return self._failed(change, mail, code, states=states)

    def send_again(self, mail: DeliveryRow, why: Mapping[str, str]) -> bool:
        """Send it once more under the same id: as far as can be known, it was not taken."""
        states = (DeliveryState.UNCERTAIN.value, DeliveryState.FAILED.value)
        with self.context.change(self.worker) as change:
            connection = change.connection
            now = outbox.clock(connection)
            values = _FREE | {
                "state": DeliveryState.QUEUED.value,
                "ready": True,
                "reason": "",
                "not_before": now,
                "queued_at": now,
                "resent": True,
                "handed_at": None,
                "finding": "",
                "finished_at": None,
                "purge_at": None,
            }
            if not outbox.settle(connection, mail.id, values, states=states):
                return False
            outbox.set_recipients(connection, mail.id, RecipientState.WAITING)
            outbox.step(connection, mail.id, "send_again", why)
            work.wake(connection, "deliver", mail.account_id, now)
        return True

    def cancelled(self, mail: DeliveryRow, why: Mapping[str, str]) -> bool:
        """Settle that somebody took it back before it left."""
        states = (DeliveryState.QUEUED.value,)
        with self.context.change(self.worker) as change:
            if not self._finish(change, mail, DeliveryState.CANCELLED, {}, states=states):
                return False
            outbox.step(change.connection, mail.id, "cancelled", why)
            self._tell(change, "mail_cancelled", mail)
        return True

    def left_behind(self, mail: DeliveryRow, why: Mapping[str, str]) -> bool:
        """Settle in a copy of a database what the original goes on with."""
        states = (mail.state,)
        with self.context.change(self.worker) as change:
            if mail.handed_at is not None:
                return self._failed(change, mail, "database_copied", states=states)
            if not self._finish(change, mail, DeliveryState.CANCELLED, {}, states=states):
                return False
            outbox.step(change.connection, mail.id, "left_behind", why)
            self._tell(change, "mail_cancelled", mail)
        return True

    def restored(self, mail: DeliveryRow, since: float) -> bool:
        """Settle that it may have been sent at any time `since`, as its row is a backup's."""
        with self.context.change(self.worker) as change:
            now = outbox.clock(change.connection)
            values = _FREE | {
                "state": DeliveryState.UNCERTAIN.value,
                "ready": False,
                "reason": WaitReason.NONE.value,
                "not_before": now,
                "handed_at": now,
                "looks": 0,
                "finding": "mail_uncertain",
                "told": {**mail.told, "since": since},
            }
            if not outbox.settle(change.connection, mail.id, values, states=(mail.state,)):
                return False
            outbox.step(change.connection, mail.id, "restored")
        return True

    def recovered(self, account_id: str) -> None:
        """Settle what a worker held that is gone: it was killed, or its lease ran out."""
        with self.context.change(self.worker) as change:
            left = outbox.abandoned(
                change.connection, account_id, longest=self._times.longest_lease
            )
        for mail in left:
            if mail.handed_at is None:
                self.put_back(mail, mail.owner or "", reason=WaitReason.NONE)
            else:
                self.uncertain(mail, "worker_gone", owner=mail.owner)

    # Parts

    def _settled(
        self, change: Change, mail: DeliveryRow, values: Mapping[str, Any], owner: str | None
    ) -> bool:
        return outbox.settle(
            change.connection, mail.id, values, owner=owner, states=(DeliveryState.SENDING.value,)
        )

    def _finish(
        self,
        change: Change,
        mail: DeliveryRow,
        state: DeliveryState,
        values: Mapping[str, Any],
        *,
        owner: str | None = None,
        states: Sequence[str] = (),
        attempts: int | None = None,
    ) -> bool:
        """Write the end of a mail; its body goes, at once or when its time has come."""
        connection = change.connection
        now = outbox.clock(connection)
        keep = {
            DeliveryState.SENT: self.context.settings.mail.outbox_keep_days * _DAY,
            DeliveryState.CANCELLED: 0.0,
            DeliveryState.FAILED: self._times.keep_failed,
        }[state]
        ended = _FREE | {
            "state": state.value,
            "ready": False,
            "reason": "",
            "finished_at": now,
            "purge_at": now + keep if keep else None,
        }
        if not outbox.settle(
            connection,
            mail.id,
            {**ended, **values},
            owner=owner,
            states=states,
            attempts=attempts,
        ):
            return False
        if not keep:
            outbox.delete_body(connection, mail.id)
        return True

    def _failed(
        self,
        change: Change,
        mail: DeliveryRow,
        code: str,
        words: str = "",
        *,
        owner: str | None = None,
        states: Sequence[str] = (),
    ) -> bool:
        said = {"finding": code, "server_words": words}
        if not self._finish(change, mail, DeliveryState.FAILED, said, owner=owner, states=states):
            return False
        outbox.step(change.connection, mail.id, "failed", {"code": code, "words": words})
        self._tell(change, "mail_failed", mail, code=code)
        return True

    @staticmethod
    def _refuse(
        connection: Connection, mail: DeliveryRow, refused: Mapping[str, MailError]
    ) -> None:
        for address, err in refused.items():
            outbox.set_recipients(
                connection,
                mail.id,
                RecipientState.REFUSED,
                addresses=[address],
                finding=err.code,
                server_words=err.server_words,
            )

    @staticmethod
    def _tell(change: Change, name: str, mail: DeliveryRow, **details: str) -> None:
        change.happened(name, mail.account_id, delivery=mail.id, document=mail.document, **details)
