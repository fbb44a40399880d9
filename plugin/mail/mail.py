"""Mail through the account, as hooks and commands use it: preview, send, list, decide."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from ...schemas.account import FormErrors
from ...schemas.delivery import Decision, DeliveryState, MailPreview, Work
from ...schemas.ids import ID_PREFIX
from ...schemas.job import JobReport
from ...schemas.permission import SYSTEM, Permission
from ..border import use_case
from ..errors import BadRequestError, M365Error, NoSuchMailError
from ..findings.catalogue import finding
from ..store import accounts, outbox, work
from ..store.engines import reading, writing
from . import composing, pausing
from .delivering import Deliverer
from .looking import Looker
from .queueing import Queue, checked, envelope_of, form_errors, message_chunks, sender_of
from .settling import Settlement
from .showing import moment, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from ...schemas.delivery import Delivery
    from ...schemas.outgoing import OutgoingMail
    from ...schemas.report import Finding
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow
    from ..vault.renewal import Vault

log = logging.getLogger(__name__)

#: Accounts that a job asks for at once, and seconds that one of them gets before the next one.
_AT_ONCE, _ONE_TURN = 1000, 60.0
#: Deliveries on one page at most.
_MOST = 200
_STATES = frozenset(DeliveryState)


@dataclass(frozen=True)
class Mail:
    """The use cases of mail, for the accounts of one host."""

    context: Context
    vault: Vault

    @use_case
    def preview(
        self, account_id: str, message: OutgoingMail, worker: str
    ) -> MailPreview | FormErrors:
        """Return what would be sent; no network, and nothing is stored."""
        row, mailing = self._account(account_id, worker)
        try:
            mail = checked(self.context, row, message)
            envelope = composing.Envelope(
                sender=sender_of(row),
                message_id=composing.new_message_id(row.form.sender_email, "preview"),
                date=mail.send_at or self.context.now(),
            )
            size, header = 0, b""
            for block in message_chunks(mail, envelope):
                header = header or block.partition(b"\r\n\r\n")[0]
                size += len(block)
            return MailPreview(
                sender=row.form.sender_email,
                submitter=row.form.username,
                envelope=envelope_of(mail),
                header_text=header.decode("utf-8", "replace"),
                size=size,
                parts=composing.parts_of(mail),
                transport=self.context.settings.mail.transports[0],
                leaves_at=mail.send_at,
                findings=self._in_the_way(row, mailing),
                digest=composing.content_digest(mail, sender_of(row)),
            )
        except ValidationError as err:
            return form_errors(err, message)

    def _in_the_way(self, row: AccountRow, mailing: work.MailingRow) -> tuple[Finding, ...]:
        """Return what would keep a mail from leaving now."""
        found = []
        code = "not_signed_in" if row.signed_in_at is None else row.refused
        if code:
            found.append(self._finding(row, code))
        if mailing.paused_at is not None:
            found.append(self._finding(row, mailing.finding, mailing.server_words))
        return tuple(found)

    @staticmethod
    def _finding(row: AccountRow, code: str, words: str = "") -> Finding:
        form = row.form
        return finding(
            code,
            server_words=words,
            username=form.username,
            sender=form.sender_email,
            mailbox=form.sender_email,
        )

    @use_case
    def send(
        self, account_id: str, message: OutgoingMail, worker: str, request_id: str, wait: float
    ) -> Delivery | FormErrors:
        """Queue a mail; with `wait`, deliver it in the caller's time as far as that goes."""
        row, mailing = self._account(account_id, worker)
        queued = Queue(self.context).add(row, message, worker, request_id)
        if isinstance(queued, FormErrors):
            return queued
        if wait > 0 and queued.state == DeliveryState.QUEUED and mailing.paused_at is None:
            Deliverer(self.context, self.vault, worker).now(queued, wait)
        return self._shown(queued.id)

    @use_case
    def delivery(self, delivery_id: str, worker: str) -> Delivery:
        """Return one delivery with its trail."""
        self._required(delivery_id, worker, Permission.SEND)
        return self._shown(delivery_id)

    @use_case
    def deliveries(
        self,
        account_id: str | None,
        state: str | None,
        document: str | None,
        worker: str,
        limit: int,
        before: str | None,
    ) -> list[Delivery]:
        """Return a page of deliveries, newest first, without their trails."""
        if state is not None and state not in _STATES:
            raise BadRequestError(
                "argument_unusable", argument="state", problem="is no state of a mail"
            )
        seen = self._seen_by(account_id, worker)
        with reading(self.context.engine) as connection:
            rows = outbox.read_deliveries(
                connection,
                accounts=seen,
                states=None if state is None else [state],
                document=document,
                before=before,
                limit=max(1, min(limit, _MOST)),
            )
            return [self._show(connection, row, trail=False) for row in rows]

    def _seen_by(self, account_id: str | None, worker: str) -> Sequence[str] | None:
        """Return the accounts whose mail this worker may see; None for all there ever were."""
        if account_id is not None:
            self.context.require(worker, Permission.SEND, account_id)
            return [account_id]
        if self.context.host.allows(worker, Permission.SEND, None):
            return None
        with reading(self.context.engine) as connection:
            everyone = [row.id for row in accounts.read_accounts(connection)]
        return [
            each for each in everyone if self.context.host.allows(worker, Permission.SEND, each)
        ]

    @use_case
    def decide(self, delivery_id: str, decision: str, worker: str) -> Delivery:
        """Do what a person decided, if the mail's state allows it; say why if it does not."""
        mail = self._required(delivery_id, worker, Permission.DECIDE)
        try:
            act = self._decisions(mail, worker)[Decision(decision)]
        except ValueError:
            raise BadRequestError(
                "argument_unusable", argument="decision", problem="is no decision about a mail"
            ) from None
        if not act():
            raise BadRequestError("decision_not_possible")
        return self._shown(delivery_id)

    def _decisions(self, mail: DeliveryRow, worker: str) -> dict[Decision, Callable[[], bool]]:
        settlement, by = Settlement(self.context, worker), {"by": worker}
        return {
            Decision.CANCEL: lambda: settlement.cancelled(mail, by),
            Decision.ARRIVED: lambda: settlement.found(mail, by),
            Decision.SEND_AGAIN: lambda: (
                mail.state == DeliveryState.UNCERTAIN and settlement.send_again(mail, by)
            ),
            Decision.GIVE_UP: lambda: (
                settlement.given_up(mail, "given_up") or settlement.expired(mail, "given_up")
            ),
            Decision.RETRY_NOW: lambda: self._retry(mail, settlement, by),
        }

    def _retry(self, mail: DeliveryRow, settlement: Settlement, by: dict[str, str]) -> bool:
        """Let a mail leave as soon as the account may send: one that waits, or one that failed."""
        if mail.state == DeliveryState.FAILED:
            return mail.chunks > 0 and settlement.send_again(mail, by)
        with writing(self.context.engine) as connection:
            now = outbox.clock(connection)
            values = {"ready": True, "reason": "", "not_before": now}
            if not outbox.settle(connection, mail.id, values, states=("queued",)):
                return False
            pausing.try_now(connection, mail.account_id)
            work.wake(connection, "deliver", mail.account_id, now)
        return True

    # Work

    @use_case
    def due(self, limit: int, worker: str) -> list[Work]:
        """Return the work that is due, the longest waiting first."""
        self.context.require(worker, Permission.MAINTAIN)
        with reading(self.context.engine) as connection:
            lease = self.context.settings.mail.times.work_lease
            found = work.due_work(connection, max(1, min(limit, 10_000)), lease=lease)
        return [
            Work(kind=row.kind, account_id=row.account_id, due_at=at)
            for row in found
            if (at := moment(row.due_at)) is not None
        ]

    @use_case
    def run(self, kind: str, account_id: str, seconds: float, worker: str) -> JobReport:
        """Do an account's work, and begin nothing after so many seconds."""
        self.context.require(worker, Permission.MAINTAIN, account_id)
        work_of = {
            "deliver": lambda: Deliverer(self.context, self.vault).run(account_id, seconds),
            "look": lambda: Looker(self.context, self.vault).run(account_id),
        }
        if kind not in work_of:
            raise BadRequestError(
                "argument_unusable", argument="kind", problem="is no kind of work"
            )
        done = work_of[kind]()
        with reading(self.context.engine) as connection:
            next_at = moment(work.due_at(connection, kind, account_id))
        return JobReport(name=f"{ID_PREFIX}{kind}", done=done, next_at=next_at)

    def run_all(self, kind: str, seconds: float) -> JobReport:
        """Do all work of a kind that is due, account after account, for so many seconds.

        What goes wrong with one account is logged, and is no other's misfortune.
        """
        ends, done, failed = time.monotonic() + seconds, 0, 0
        seen: set[str] = set()
        while True:
            due = [each for each in self.due(_AT_ONCE, SYSTEM) if each.kind == kind]
            fresh = [each for each in due if each.account_id not in seen]
            if not fresh or time.monotonic() >= ends:
                return JobReport(name=f"{ID_PREFIX}{kind}", done=done, failed=failed, left=len(due))
            for each in fresh:
                seen.add(each.account_id)
                left = max(1.0, min(ends - time.monotonic(), _ONE_TURN))
                try:
                    done += self.run(kind, each.account_id, left, SYSTEM).done
                except M365Error as err:
                    failed += 1
                    log.warning("%s of %s failed: %s", kind, each.account_id, err)

    def purge(self) -> int:
        """Delete bodies whose time has come and mails that were never wholly stored."""
        times = self.context.settings.mail.times
        with reading(self.context.engine) as connection:
            bodies = outbox.to_purge(connection, _AT_ONCE)
            torsos = outbox.unfinished_writing(connection, older=times.keep_orphans, limit=_AT_ONCE)
        for delivery_id in bodies:
            with writing(self.context.engine) as connection:
                outbox.delete_body(connection, delivery_id)
                outbox.settle(connection, delivery_id, {"purge_at": None, "chunks": 0})
        for delivery_id in torsos:
            with writing(self.context.engine) as connection:
                outbox.delete_delivery(connection, delivery_id)
        return len(bodies) + len(torsos)

    # Parts

    def _account(self, account_id: str, worker: str) -> tuple[AccountRow, work.MailingRow]:
        self.context.require(worker, Permission.SEND, account_id)
        with reading(self.context.engine) as connection:
            return (
                accounts.require_account(connection, account_id),
                work.read_mailing(connection, account_id),
            )

    def _required(self, delivery_id: str, worker: str, permission: Permission) -> DeliveryRow:
        with reading(self.context.engine) as connection:
            found = outbox.read_delivery(connection, delivery_id)
        # Asked of what is not there too: who may see nothing learns of no mail.
        self.context.require(worker, permission, found.account_id if found else None)
        if found is None or found.state == outbox.WRITING:
            raise NoSuchMailError(delivery_id)
        return found

    def _shown(self, delivery_id: str) -> Delivery:
        with reading(self.context.engine) as connection:
            row = outbox.read_delivery(connection, delivery_id)
            if row is None:
                raise NoSuchMailError(delivery_id)
            return self._show(connection, row, trail=True)

    @staticmethod
    def _show(connection: Connection, row: DeliveryRow, *, trail: bool) -> Delivery:
        return shown(
            row,
            outbox.read_recipients(connection, row.id),
            work.read_mailing(connection, row.account_id),
            outbox.read_trail(connection, row.id) if trail else (),
        )
