"""A test mail to oneself: it is sent, its copy is filed, and it arrives under the id that it had.

More than Test Connection can see: Exchange looks at Send As after the message only. It is sent
for the person who pressed the button, and never by a job.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...schemas.account import FormErrors
from ...schemas.delivery import DeliveryState
from ...schemas.folders import Role
from ...schemas.mail_address import same_address
from ...schemas.permission import Permission
from ...schemas.report import ConnectionReport
from ..border import use_case
from ..errors import MailError
from ..findings.catalogue import text
from ..folders.roles import suggest
from ..mail.delivering import Deliverer
from ..mail.queueing import Queue
from ..mail.self_mail import self_mail
from ..mail.settling import Settlement
from ..store import accounts, outbox, work
from ..store.engines import reading
from ..transport.imap import imap_session
from ..transport.imap_messages import message_ids
from ..transport.renewing import RenewableToken
from ..wire.deadline import Deadline
from .explain import Subject, explained
from .stages import Board, Track, run_track

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...schemas.report import Stage
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow
    from ..transport.imap import ImapSession
    from ..vault.renewal import Vault

#: Seconds between two looks at a folder: the first, and how it grows up to the last.
_SOON, _SLOWER, _SLOWEST = 0.3, 1.5, 3.0
#: Seconds by which the mail server's clock may differ from the database's.
_CLOCKS_APART = 3600.0


@dataclass(frozen=True)
class SelfTest:
    """The test mail of one host's accounts."""

    context: Context
    vault: Vault

    @use_case
    def run(
        self, account_id: str, worker: str, progress: Callable[[Stage], None] | None
    ) -> ConnectionReport:
        """Send the mail and look for it; whatever is wrong is a finding of the report."""
        self.context.require(worker, Permission.SEND, account_id)
        with reading(self.context.engine) as connection:
            row = accounts.require_account(connection, account_id)
        return _Press(self.context, self.vault, row, worker, Board(progress)).report()


@dataclass
class _Press:
    """One press of the button."""

    context: Context
    vault: Vault
    row: AccountRow
    worker: str
    board: Board

    def __post_init__(self) -> None:
        form = self.row.form
        self._smtp = Track(
            "smtp",
            {"sent": text("stage.sent", sender=form.sender_email, username=form.username)},
            self.board.show,
        )
        names = ("copy", "arrived")
        self._imap = Track("imap", {n: text(f"stage.{n}") for n in names}, self.board.show)
        self._errors: list[tuple[str, Exception]] = []

    def report(self) -> ConnectionReport:
        started_at, started = self.context.now(), time.monotonic()
        for track in (self._smtp, self._imap):
            self.board.add(track)
        try:
            with self._smtp.stage("sent"):
                mail = self._sent()
        except Exception as err:  # noqa: BLE001 - `explained` makes a finding of each
            self._smtp.broke()
            self._errors.append(("smtp", err))
        else:
            self._look(mail)
        form = self.row.form
        subject = Subject(
            settings=self.context.settings,
            account_id=self.row.id,
            mailbox=form.sender_email,
            username=form.username,
            sender=form.sender_email,
        )
        findings = tuple(explained(err, subject, protocol) for protocol, err in self._errors)
        return ConnectionReport(
            account_id=self.row.id,
            started_at=started_at,
            seconds=time.monotonic() - started,
            passed=not findings,
            mailbox=form.sender_email,
            signed_in_as=form.username,
            sender=form.sender_email,
            stages=tuple(self.board.stages.values()),
            findings=findings,
        )

    # Sending

    def _sent(self) -> DeliveryRow:
        """Send the mail now, through a pause too: this press is what tries the account again."""
        mail = self_mail(self.row, self.context.settings.base_url)
        request = f"test:{secrets.token_hex(16)}"
        queued = Queue(self.context).add(self.row, mail, self.worker, request)
        if isinstance(queued, FormErrors):
            raise MailError("sender_malformed", stage="sent")
        seconds = self.context.settings.mail.times.self_test
        Deliverer(self.context, self.vault, self.worker).now(queued, seconds, probing=True)
        with reading(self.context.engine) as connection:
            mailing = work.read_mailing(connection, self.row.id)
            found = outbox.read_delivery(connection, queued.id) or queued
        if found.state == DeliveryState.SENT:
            self._smtp.note(text("stage_note.mail_taken", words=found.server_words))
            return found
        # A test that was not sent must not leave by itself, when nobody looks any more.
        Settlement(self.context, self.worker).cancelled(found, {"by": self.worker})
        code, words = found.finding, found.server_words
        if mailing.paused_at is not None:
            code, words = mailing.finding, mailing.server_words
        raise MailError(code or "test_mail_waits", stage="sent", server_words=words)

    # Looking

    def _look(self, mail: DeliveryRow) -> None:
        """Find the copy and the mail itself."""
        error = self._visit(self.row.form.username, lambda session: self._find(session, mail))
        if error is not None:
            self._errors.append(("imap", error))

    def _visit(self, mailbox: str, look: Callable[[ImapSession], None]) -> Exception | None:
        settings = self.context.settings

        def attempt(secret: str) -> None:
            with imap_session(settings, mailbox=mailbox, token=secret) as session:
                look(session)

        seconds = settings.mail.times.self_test + settings.mail_timeout
        with Deadline.after(seconds).applied():
            try:
                token = RenewableToken(
                    self.vault.token(self.row.id),
                    lambda rejected: self.vault.token(self.row.id, rejected=rejected),
                )
            except Exception as err:  # noqa: BLE001 - see `report`
                self._imap.broke()
                return err
            return run_track(self._imap, attempt, token)

    def _find(self, session: ImapSession, mail: DeliveryRow) -> None:
        roles = {role: found[0].path for role, found in suggest(session.folders()).items()}
        try:
            with self._imap.stage("copy"):
                sent = [roles[Role.SENT]] if Role.SENT in roles else []
                where = self._awaited(session, sent, mail) or self._in_the_other(mail)
                self._note("copy_in", where, "sent_copy_missing")
        except MailError as err:
            if err.code != "sent_copy_missing":
                raise
            self._imap.broke()
            self._errors.append(("imap", err))
        with self._imap.stage("arrived"):
            inboxes = [roles[role] for role in (Role.INBOX, Role.JUNK) if role in roles]
            self._note("arrived_in", self._awaited(session, inboxes, mail), "test_mail_missing")

    def _note(self, note: str, where: str, missing: str) -> None:
        """Say where it was seen; raise ``MailError`` if it was not."""
        if not where:
            raise MailError(missing, stage="folders")
        self._imap.note(text(f"stage_note.{note}", folder=where))

    def _awaited(self, session: ImapSession, paths: Sequence[str], mail: DeliveryRow) -> str:
        """Return the folder in which the mail shows itself, or nothing after its time."""
        ends = time.monotonic() + self.context.settings.mail.times.self_test
        pause = _SOON
        while True:
            for path in paths:
                if mail.message_id in self._ids(session, path, mail):
                    return path
            if not paths or time.monotonic() + pause > ends:
                return ""
            time.sleep(pause)
            pause = min(pause * _SLOWER, _SLOWEST)

    @staticmethod
    def _ids(session: ImapSession, path: str, mail: DeliveryRow) -> Sequence[str]:
        since = datetime.fromtimestamp((mail.handed_at or mail.queued_at) - _CLOCKS_APART, UTC)
        return tuple(message_ids(session, path, since=since).uids)

    def _in_the_other(self, mail: DeliveryRow) -> str:
        """Look into the sender's own mailbox: a shared mailbox may keep the copies itself."""
        form = self.row.form
        if same_address(form.sender_email, form.username):
            return ""
        with imap_session(
            self.context.settings,
            mailbox=form.sender_email,
            token=self.vault.token(self.row.id).secret,
        ) as session:
            sent = suggest(session.folders()).get(Role.SENT, ())
            if sent and mail.message_id in self._ids(session, sent[0].path, mail):
                return f"{sent[0].path} ({form.sender_email})"
        return ""
