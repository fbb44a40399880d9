"""Take over the mail of a database that was moved, copied or restored: nothing is sent twice.

Each row has the origin that queued it; where that is another one, nothing is sent or looked for
until an administrator has said which of the three has happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ...schemas.delivery import DeliveryState, WaitReason
from ...schemas.permission import Permission
from ..border import use_case
from ..store import mail_upkeep, outbox, work
from ..store.engines import reading, writing
from . import pausing
from .queueing import origin
from .settling import Settlement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..context import Context
    from ..store.outbox import DeliveryRow

_BATCH = 200
MOVED = "database_moved"


class Adopt(StrEnum):
    """What has happened to the database: it moved, it is a copy, or it is a backup's."""

    MOVED = "moved"
    COPY = "copy"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """How many mails were taken over, and what became of those that had waited."""

    mails: int = 0
    cancelled: int = 0
    uncertain: int = 0


@dataclass(frozen=True)
class Adoption:
    """Takes the mail of one host's database over. To be run before any other process starts."""

    context: Context

    @use_case
    def adopt(self, how: Adopt, worker: str) -> Adopted:
        """Take all mail over; run again after a kill, it goes on."""
        self.context.require(worker, Permission.MAINTAIN)
        cancelled = self._cancel(worker) if how is Adopt.COPY else 0
        uncertain = self._doubt(worker) if how is Adopt.RESTORED else 0
        with self.context.change(worker) as change:
            mails = mail_upkeep.take_over(change.connection, origin(self.context))
            for account in mail_upkeep.accounts_paused_by(change.connection, MOVED):
                pausing.resume(change, account)
            now = outbox.clock(change.connection)
            for account in mail_upkeep.accounts_with_open_mail(change.connection):
                for kind in ("deliver", "look"):
                    work.wake(change.connection, kind, account, now)
        return Adopted(mails=mails, cancelled=cancelled, uncertain=uncertain)

    def _cancel(self, worker: str) -> int:
        """End what the other database goes on with, and delete the bodies that it sends."""
        mine, settlement = origin(self.context), Settlement(self.context, worker)
        count = 0
        for mail in self._open(except_of=mine):
            if mail.state == outbox.WRITING:
                with writing(self.context.engine) as connection:
                    outbox.delete_delivery(connection, mail.id)
            else:
                count += settlement.left_behind(mail, {"by": worker})
        while True:
            with writing(self.context.engine) as connection:
                ids = mail_upkeep.stored_elsewhere(connection, mine, _BATCH)
                if not ids:
                    return count
                mail_upkeep.drop_bodies(connection, ids)

    def _doubt(self, worker: str) -> int:
        """Have everything looked for that may have been sent since the backup."""
        settlement, count = Settlement(self.context, worker), 0
        for mail in self._open():
            if mail.state in {outbox.WRITING, DeliveryState.UNCERTAIN.value}:
                continue
            with reading(self.context.engine) as connection:
                now = outbox.clock(connection)
                steps = outbox.read_trail(connection, mail.id)
            since = steps[0].at if steps else mail.queued_at
            if _still_ahead(mail, now):
                # A person may have sent it at once, after the backup.
                with writing(self.context.engine) as connection:
                    outbox.settle(connection, mail.id, {"looks": -1}, states=("queued",))
            else:
                count += settlement.restored(mail, since)
        return count

    def _open(self, *, except_of: str | None = None) -> Iterator[DeliveryRow]:
        after = ""
        while True:
            with reading(self.context.engine) as connection:
                rows = mail_upkeep.open_rows(
                    connection, after=after, limit=_BATCH, except_of=except_of
                )
            if not rows:
                return
            yield from rows
            after = rows[-1].id


def _still_ahead(mail: DeliveryRow, now: float) -> bool:
    """Return whether a mail waits for a time that has not come, and was never tried."""
    scheduled = mail.reason == WaitReason.SCHEDULED and mail.not_before > now
    return mail.state == DeliveryState.QUEUED and scheduled and not mail.attempts
