"""Deliver an account's queued mail: one attempt at a time, on a connection that is kept.

An attempt claims the mail, sends everything but its end, commits the point of no return, sends the
end, and commits the verdict. What breaks before that point is simply tried again; without a whole
reply after it, the mail is uncertain and is looked for.
"""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import text

from ...schemas.delivery import WaitReason
from ...schemas.permission import SYSTEM
from ...schemas.verdict import Verdict
from ..errors import (
    MailError,
    RegistrationError,
    SealError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from ..store import accounts, limits, outbox, work
from ..store.engines import reading, writing
from ..transport.renewing import RenewableToken
from ..transport.smtp import smtp_session
from ..transport.smtp_submission import SmtpSubmission
from ..transport.submission import Outgoing, RecipientsRefusedError
from ..wire.deadline import Deadline
from .forgotten import Forgotten
from .limiting import ConnectionsTakenError, connection_lease, window_of
from .queueing import origin
from .settling import Settlement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from ...schemas.mail_settings import MailSettings
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow
    from ..transport.submission import Submission
    from ..vault.renewal import Vault

log = logging.getLogger(__name__)

KIND = "deliver"
#: Verdicts on one mail; all others but ``passing`` are about the account.
_OF_THE_MAIL = frozenset({Verdict.MESSAGE, Verdict.RECIPIENT})
#: Words of a limit that ours should have kept: another program sends through the mailbox too.
_RATE = frozenset({"too_many_connections"})


class BodyLostError(Exception):
    """The stored body is gone, or its key is: this mail cannot be sent."""


class _PlaceTakenError(Exception):
    """There is no place in the submitter's window; `seconds` until there is one."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"No place for {seconds:.1f} s.")
        self.seconds = seconds


class _LeaseLostError(Exception):
    """Somebody else decides about this mail by now."""


@dataclass(slots=True, kw_only=True)
class Run:
    """One run: until when mails may begin, how long a reply is awaited, and how it has gone."""

    ends: float
    reply_seconds: float
    #: The one mail that is meant, ahead of the account's queue; None for all that is due.
    only: str | None = None
    owner: str = field(default_factory=lambda: secrets.token_hex(16))
    #: Whether its one mail is to try a paused account, before the pause is over.
    probing: bool = False
    #: Whether this run has tried its one message of a paused account.
    probed: bool = False
    #: Mails in a row that Microsoft refused in passing; the second one ends the run.
    refused_in_passing: int = 0
    #: Whether the account was paused: what was claimed meanwhile must not be tried.
    paused: bool = False
    #: Seconds that the account's next run waits at least.
    hold_off: float = 0.0

    @property
    def over(self) -> bool:
        """Whether no further mail may begin."""
        return self.paused or time.monotonic() >= self.ends or self.hold_off > 0


@dataclass(frozen=True, slots=True)
class _Ready:
    """A mail that was claimed, as a transport takes it."""

    row: DeliveryRow
    outgoing: Outgoing


@dataclass(frozen=True)
class Deliverer:
    """Sends the queued mail of one host's accounts."""

    context: Context
    vault: Vault
    worker: str = SYSTEM

    @property
    def _mail(self) -> MailSettings:
        return self.context.settings.mail

    @property
    def _settlement(self) -> Settlement:
        return Settlement(self.context, self.worker)

    @property
    def _forgotten(self) -> Forgotten:
        return Forgotten(self.context, self.vault)

    def run(self, account_id: str, seconds: float) -> int:
        """Deliver what is due of an account for at most so many seconds; return how many mails.

        The last mail that was begun is finished beyond that. Does nothing while another process
        does the account's work.
        """
        run = Run(ends=time.monotonic() + seconds, reply_seconds=self._mail.times.reply_in_job)
        with writing(self.context.engine) as connection:
            lease = self._mail.times.work_lease
            if not work.take_work(connection, KIND, account_id, run.owner, lease):
                return 0
        try:
            row = self._tidied(account_id)
            if row is None:
                return 0
            run.hold_off = self._forgotten.look(row)
            return self._deliver(row, run)
        finally:
            self._give_back(account_id, run)

    def now(self, delivery: DeliveryRow, seconds: float, *, probing: bool = False) -> None:
        """Deliver this mail in the caller's time, unless a pause, the rate or the others forbid.

        With `probing` it tries a paused account: if it is taken, the account is open.
        """
        row = self._tidied(delivery.account_id)
        run = Run(
            ends=time.monotonic() + seconds,
            reply_seconds=self._mail.times.reply_in_call,
            only=delivery.id,
            probing=probing,
        )
        if row is not None:
            self._deliver(row, run)

    def _give_back(self, account_id: str, run: Run) -> None:
        with writing(self.context.engine) as connection:
            # Locked first: a mail that is queued just now has woken the row, or will.
            work.lock_work(connection, KIND, account_id)
            at = outbox.next_times(connection, account_id).get(KIND)
            paused = work.read_mailing(connection, account_id)
            if at is not None and paused.paused_at is not None and not paused.external_only:
                at = max(at, paused.paused_until or at)
            if at is not None and run.hold_off:
                at = max(at, outbox.clock(connection) + run.hold_off)
            work.release_work(connection, KIND, account_id, run.owner, at)

    def _tidied(self, account_id: str) -> AccountRow | None:
        """Settle what time has settled; return the account, None if nothing may leave it."""
        settlement = self._settlement
        settlement.recovered(account_id)
        with writing(self.context.engine, lasting=False) as connection:
            outbox.make_ready(connection, account_id)
            row = accounts.read_account(connection, account_id)
            late = outbox.outdated(connection, account_id, hold=self._mail.times.hold, limit=100)
            now = outbox.clock(connection)
        for mail in late:
            gone = mail.expires_at is not None and mail.expires_at <= now
            settlement.expired(mail, "mail_expired" if gone else "waited_too_long")
        if row is None:
            self._orphaned(account_id)
        return row

    def _orphaned(self, account_id: str) -> None:
        """Take back what waits for an account that is gone."""
        with reading(self.context.engine) as connection:
            waiting = outbox.read_deliveries(
                connection,
                accounts=[account_id],
                states=["queued"],
                document=None,
                before=None,
                limit=100,
            )
        for mail in waiting:
            self._settlement.cancelled(mail, {"why": "account_deleted"})

    def _deliver(self, row: AccountRow, run: Run) -> int:
        """Open a connection for what is due, and use it as long as it serves."""
        first = self._next(row, run)
        if first is None:
            return 0
        try:
            with ExitStack() as stack:
                with self._in_time(run):
                    submission = stack.enter_context(self._submission(row, run))
                return self._all(row, run, submission, first)
        except ConnectionsTakenError:
            run.hold_off = self._mail.times.place_wait
            self._settlement.put_back(first.row, run.owner, reason=WaitReason.CONNECTIONS)
        except MailError as err:
            self._settle_error(first.row, err, run)
            run.hold_off = run.hold_off or self._mail.times.retries[0]
        except (SignInNeededError, RegistrationError) as err:
            self._settlement.pause(first.row, MailError(err.code, stage="token"), run.owner)
        except UnavailableError as err:
            run.hold_off = err.retry_after or self._mail.times.retries[0]
            self._settlement.put_back(first.row, run.owner, reason=WaitReason.RETRY, code=err.code)
        return 0

    def _in_time(self, run: Run) -> AbstractContextManager[object]:
        """Bound what precedes the point of no return, in a host's call by the time it gives."""
        seconds = self._mail.times.transfer
        if run.only is not None:
            seconds = max(0.1, min(seconds, run.ends - time.monotonic()))
        return Deadline.after(seconds).applied()

    @contextmanager
    def _submission(self, row: AccountRow, run: Run) -> Iterator[Submission]:
        """Open a session within the limits of connections; a refused token is renewed once."""
        settings, submitter = self.context.settings, row.form.username
        token = RenewableToken(
            self.vault.token(row.id), lambda rejected: self.vault.token(row.id, rejected=rejected)
        )
        with connection_lease(self.context, submitter, run.owner), ExitStack() as stack:
            session = token.use(
                lambda secret: stack.enter_context(
                    smtp_session(settings, username=submitter, token=secret)
                )
            )
            yield SmtpSubmission(session)

    def _all(self, row: AccountRow, run: Run, submission: Submission, first: _Ready) -> int:
        """Deliver mail after mail; the next one is claimed before the end of the last is sent."""
        done, current = 0, first
        while True:
            ahead = self._attempt(row, run, submission, current)
            done += 1
            if ahead is None and submission.usable:
                ahead = self._next(row, run)
            if ahead is None:
                return done
            if run.paused or not submission.usable:
                self._settlement.put_back(ahead.row, run.owner, reason=WaitReason.NONE)
                return done
            current = ahead

    def _attempt(
        self, row: AccountRow, run: Run, submission: Submission, mail: _Ready
    ) -> _Ready | None:
        """Try one mail; return the next one if it was announced with this one's end."""
        try:
            with self._in_time(run):
                refused = submission.prepare(mail.outgoing)
            self._refuse_passing(mail, refused)
            # Begun before the point of no return is stored, and shorter than the lease.
            reply = Deadline.after(run.reply_seconds)
            self._hand_over_now(mail, run)
        except RecipientsRefusedError as err:
            self._settle_recipients(mail.row, err.refused, run)
        except MailError as err:
            self._settle_error(mail.row, err, run)
        except BodyLostError:
            submission.abandon()
            self._settlement.failed(mail.row, "body_lost", owner=run.owner)
        except _PlaceTakenError as err:
            submission.abandon()
            run.hold_off = err.seconds
            self._settlement.put_back(
                mail.row, run.owner, seconds=err.seconds, reason=WaitReason.RATE
            )
        except _LeaseLostError:
            submission.abandon()
        except StoreError:
            # The point of no return was not stored, so nothing may leave.
            submission.abandon()
            raise
        else:
            return self._end(row, run, submission, mail, refused, reply)
        return None

    def _refuse_passing(self, mail: _Ready, refused: Mapping[str, MailError]) -> None:
        """Wait for recipients that are refused in passing, as long as that may help."""
        passing = {
            address: err for address, err in refused.items() if err.verdict is Verdict.PASSING
        }
        if passing and mail.row.attempts < self._mail.times.least_attempts:
            raise RecipientsRefusedError(passing)

    def _end(
        self,
        row: AccountRow,
        run: Run,
        submission: Submission,
        mail: _Ready,
        refused: Mapping[str, MailError],
        reply: Deadline,
    ) -> _Ready | None:
        ahead = self._next(row, run)
        try:
            with reply.applied():
                taken = submission.hand_over(ahead.outgoing if ahead else None)
        except MailError as err:
            if err.status:
                self._settle_error(mail.row, err, run)
            else:
                self._settlement.uncertain(mail.row, err.code, owner=run.owner)
        else:
            run.refused_in_passing = 0
            self._settlement.sent(mail.row, taken.words, refused, run.owner)
        return ahead

    def _hand_over_now(self, mail: _Ready, run: Run) -> None:
        """Commit the point of no return, with the message's place in the limits."""
        lease = run.reply_seconds + self._mail.times.lease_margin
        with writing(self.context.engine) as connection:
            if connection.dialect.name == "postgresql":
                # Whatever the server's default is: after this the message may be out.
                connection.execute(text("SET LOCAL synchronous_commit = on"))
            wait = limits.take_place(
                connection,
                mail.row.submitter,
                window_of(self._mail),
                len(mail.outgoing.recipients),
            )
            if wait > 0:
                raise _PlaceTakenError(wait)
            seconds = self._mail.times.connection_lease
            if not (
                limits.renew_connection(connection, run.owner, seconds)
                and outbox.mark_handed(connection, mail.row.id, run.owner, lease, transport="smtp")
            ):
                connection.rollback()
                raise _LeaseLostError
            if run.only is None:
                work.renew_work(connection, run.owner, self._mail.times.work_lease)

    # Claiming

    def _next(self, row: AccountRow, run: Run) -> _Ready | None:
        """Claim the next mail that may leave now."""
        if run.over:
            return None
        with writing(self.context.engine, lasting=False) as connection:
            mailing = work.read_mailing(connection, row.id)
            external = True
            if mailing.paused_at is not None:
                ended = (mailing.paused_until or 0.0) <= outbox.clock(connection)
                pressed = run.probing or (ended and run.only is None)
                probe = pressed and not run.probed
                if not probe and not mailing.external_only:
                    return None
                run.probed = run.probed or probe
                external = probe
            lease = self._mail.times.prepare_lease
            if run.only is not None:
                found = outbox.claim_one(connection, run.only, run.owner, lease)
            else:
                found = outbox.claim_next(connection, row.id, run.owner, lease, external=external)
            if found is None:
                return None
        return self._checked(run, found)

    def _checked(self, run: Run, mail: DeliveryRow) -> _Ready | None:
        """Return a claimed mail for the transport, unless it must not leave this database."""
        if mail.origin != origin(self.context):
            self._settlement.pause(mail, MailError("database_moved", stage="sender"), run.owner)
            return None
        if self._forgotten.holds(mail):
            run.hold_off = self._mail.times.place_wait
            self._settlement.put_back(mail, run.owner, reason=WaitReason.NONE)
            return None
        with reading(self.context.engine) as connection:
            known = limits.read_submitter(connection, mail.submitter)
            everyone = outbox.read_recipients(connection, mail.id)
        waiting = tuple(each.address for each in everyone if each.state == "waiting")
        wait = known.wait(window_of(self._mail), len(waiting)) if known else 0.0
        if wait > 0:
            run.hold_off = wait
            self._settlement.put_back(mail, run.owner, seconds=wait, reason=WaitReason.RATE)
            return None
        return _Ready(
            mail,
            Outgoing(
                id=mail.id,
                sender=mail.sender,
                recipients=waiting,
                size=mail.size,
                chunks=lambda: self._chunks(mail, run),
                partial=mail.partial,
                smtputf8=mail.smtputf8,
            ),
        )

    def _chunks(self, mail: DeliveryRow, run: Run) -> Iterator[bytes]:
        """Yield the body, and hold the mail meanwhile."""
        lease = self._mail.times.prepare_lease
        renew_at = time.monotonic() + lease / 3
        for index in range(mail.chunks):
            if time.monotonic() > renew_at:
                with writing(self.context.engine, lasting=False) as connection:
                    if not outbox.renew_lease(connection, mail.id, run.owner, lease):
                        raise _LeaseLostError
                renew_at = time.monotonic() + lease / 3
            try:
                with reading(self.context.engine, once=True) as connection:
                    last = index == mail.chunks - 1
                    yield outbox.read_chunk(
                        connection, self.context.ring, mail.id, index, last=last
                    )
            except (SealError, LookupError) as err:
                log.error("body of %s: %s", mail.id, err)  # noqa: TRY400 - the error says it all
                raise BodyLostError from err

    # After an error

    def _settle_error(self, mail: DeliveryRow, err: MailError, run: Run) -> None:
        """Do what the error's verdict asks for."""
        if err.code in _RATE:
            self._halve(mail.submitter)
        if err.verdict is Verdict.PASSING:
            self._again(mail, err, run)
        elif err.verdict in _OF_THE_MAIL:
            self._settlement.failed(mail, err.code, err.server_words, owner=run.owner)
        else:
            run.paused = True
            self._settlement.pause(mail, err, run.owner)

    def _again(self, mail: DeliveryRow, err: MailError, run: Run) -> None:
        """Try it later; two mails in a row that are refused in passing end the run."""
        if run.only is not None and not err.status:
            # The caller's time was too short, or the network is down: a job tries it soon.
            self._settlement.put_back(mail, run.owner, reason=WaitReason.NONE, code=err.code)
            return
        run.refused_in_passing += 1
        if run.refused_in_passing > 1:
            run.hold_off = err.retry_after or self._mail.times.retries[0]
        self._settlement.again(mail, err, run.owner)

    def _halve(self, submitter: str) -> None:
        """Send at half the rate for an hour: another program uses the mailbox's limits too."""
        with writing(self.context.engine) as connection:
            row = limits.locked_submitter(connection, submitter)
            until = row.now + self._mail.times.halved
            limits.change_submitter(connection, submitter, halved_until=until)

    def _settle_recipients(
        self, mail: DeliveryRow, refused: Mapping[str, MailError], run: Run
    ) -> None:
        """Fail the mail if a recipient is refused for good; else try it again."""
        lasting = {
            address: err for address, err in refused.items() if err.verdict is not Verdict.PASSING
        }
        account = [err for err in lasting.values() if err.verdict not in _OF_THE_MAIL]
        if account:
            self._settle_error(mail, account[0], run)
        elif lasting:
            self._settlement.refused(mail, lasting, run.owner)
        else:
            self._again(mail, next(iter(refused.values())), run)
