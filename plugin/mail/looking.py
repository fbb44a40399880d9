"""Look for mail whose acceptance nobody saw: a copy in the mailbox is evidence that it was taken.

That no copy is there says little by itself: copies may lag, be filed elsewhere or be switched off.
A mail is sent again, once, only if a *control* shows that a copy would be there: another message
that was handed over at the same time or later, and whose copy lies in that folder. A folder that
somebody may have emptied since, or that was not read far enough back, shows nothing.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...schemas.folders import Role
from ...schemas.mail_address import same_address
from ...schemas.permission import SYSTEM
from ..errors import MailError, RegistrationError, SignInNeededError, UnavailableError
from ..folders.roles import suggest
from ..store import accounts, limits, outbox, work
from ..store.engines import reading, writing
from ..transport.imap import imap_session
from ..transport.imap_messages import FolderIds, message_ids
from ..transport.renewing import RenewableToken
from . import pausing
from .queueing import origin
from .settling import Settlement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schemas.mail_settings import MailTimes
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow
    from ..transport.imap import ImapSession
    from ..vault.renewal import Vault

log = logging.getLogger(__name__)

KIND = "look"
#: Where a copy may lie: filed by the server, deleted by a person, or left as a draft.
_ROLES = (Role.SENT, Role.TRASH, Role.DRAFTS)
#: Mails that one run looks for, and other mails that are tried as a control for each.
_MOST, _MOST_CONTROLS = 50, 50
#: Seconds that the mail server's clock may differ from the database's.
_CLOCKS_APART = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """What one folder holds."""

    mailbox: str
    folder: str
    role: Role
    held: FolderIds

    @property
    def name(self) -> str:
        """What the folder is remembered by, as long as its UIDs are the same."""
        return f"{self.mailbox} {self.folder} {self.held.validity}"


@dataclass(frozen=True)
class Looker:
    """Looks for the uncertain mails of one host's accounts."""

    context: Context
    vault: Vault

    @property
    def _times(self) -> MailTimes:
        return self.context.settings.mail.times

    @property
    def _settlement(self) -> Settlement:
        return Settlement(self.context, SYSTEM)

    def run(self, account_id: str) -> int:
        """Look for what is due of an account; return how many mails are settled."""
        owner = secrets.token_hex(16)
        with writing(self.context.engine) as connection:
            if not work.take_work(connection, KIND, account_id, owner, self._times.work_lease):
                return 0
            due = outbox.due_uncertain(connection, account_id, _MOST)
            row = accounts.read_account(connection, account_id)
        try:
            mine = [mail for mail in due if mail.origin == origin(self.context)]
            self._leave(account_id, [mail for mail in due if mail not in mine])
            return self._look(row, mine) if mine else 0
        finally:
            with writing(self.context.engine) as connection:
                work.lock_work(connection, KIND, account_id)
                at = outbox.next_times(connection, account_id).get(KIND)
                work.release_work(connection, KIND, account_id, owner, at)

    def _leave(self, account_id: str, foreign: list[DeliveryRow]) -> None:
        """Leave what another database handed over alone until an administrator adopts it."""
        if not foreign:
            return
        with self.context.change(SYSTEM) as change:
            at = outbox.clock(change.connection) + self._times.pause_short
            for mail in foreign:
                outbox.settle(change.connection, mail.id, {"not_before": at}, states=("uncertain",))
            pausing.pause(change, account_id, "database_moved", "", self._times)

    def before_sending(self, row: AccountRow, waiting: list[DeliveryRow], since: float) -> None:
        """Look for mails that wait untried, in case they were sent before a backup was restored.

        What is found is sent already; the others may leave. Raises what opening a mailbox raises.
        """
        copies = list(self._copies(row, since))
        for mail in waiting:
            seen = [each for each in copies if mail.message_id in each.held.uids]
            if seen:
                self._settlement.found_waiting(mail, _evidence(mail, seen[0]))
            else:
                self.may_leave(mail, "not_found")

    def may_leave(self, mail: DeliveryRow, why: str) -> None:
        """Note that a waiting mail was looked for, and with what result."""
        with writing(self.context.engine) as connection:
            values = {"looks": 1}
            if outbox.settle(connection, mail.id, values, states=("queued",), attempts=0):
                outbox.step(connection, mail.id, why)

    def _look(self, row: AccountRow | None, due: list[DeliveryRow]) -> int:
        since = min(map(_earliest, due))
        try:
            copies = [] if row is None else list(self._copies(row, since))
        except (MailError, SignInNeededError, RegistrationError, UnavailableError) as err:
            log.warning("the look for mail of %s failed: %s", due[0].account_id, err)
            copies = None
        return sum(self._judge(mail, copies) for mail in due)

    # Reading the mailboxes

    def _copies(self, row: AccountRow, since: float) -> Iterator[Copies]:
        """Yield what the folders hold: the signed-in user's, and the mailbox's if it is another."""
        mailboxes = [row.form.username]
        if not same_address(row.form.sender_email, row.form.username):
            mailboxes.append(row.form.sender_email)
        failed: list[MailError] = []
        for mailbox in mailboxes:
            try:
                yield from self._of_mailbox(row, mailbox, since)
            except MailError as err:
                failed.append(err)
        if len(failed) == len(mailboxes):
            raise failed[0]

    def _of_mailbox(self, row: AccountRow, mailbox: str, since: float) -> list[Copies]:
        token = RenewableToken(
            self.vault.token(row.id), lambda rejected: self.vault.token(row.id, rejected=rejected)
        )
        with ExitStack() as stack:
            session: ImapSession = token.use(
                lambda secret: stack.enter_context(
                    imap_session(self.context.settings, mailbox=mailbox, token=secret)
                )
            )
            roles = suggest(session.folders())
            filed = datetime.fromtimestamp(max(0.0, since - _CLOCKS_APART), UTC)
            copies = []
            for role in _ROLES:
                if role in roles:
                    path = roles[role][0].path
                    held = message_ids(session, path, since=filed)
                    copies.append(Copies(mailbox=mailbox, folder=path, role=role, held=held))
            return copies

    # Judging

    def _judge(self, mail: DeliveryRow, copies: list[Copies] | None) -> bool:
        """Settle one mail by what was seen, or say when it is looked for again."""
        seen = [each for each in copies or () if mail.message_id in each.held.uids]
        if seen:
            return self._found(mail, seen[0])
        with reading(self.context.engine) as connection:
            now = outbox.clock(connection)
        waited = now - (mail.handed_at or now)
        control = None if copies is None else self._control(mail, copies, waited)
        if control is not None:
            return self._settlement.send_again(mail, {"control": control})
        if waited > self._times.never_known:
            return self._settlement.given_up(mail, "never_known")
        if copies is not None and mail.looks == len(self._times.looks) - 2:
            self._send_control(mail)
        self._later(mail, waited, copies)
        return False

    def _found(self, mail: DeliveryRow, where: Copies) -> bool:
        self._note_lag(mail, where)
        return self._settlement.found(mail, _evidence(mail, where))

    def _note_lag(self, mail: DeliveryRow, where: Copies) -> None:
        """Remember how late a copy came: it was not there at the look before this one."""
        if where.role is not Role.SENT or not mail.looks:
            return
        lag = self._times.looks[min(mail.looks, len(self._times.looks)) - 1]
        with writing(self.context.engine) as connection:
            row = limits.locked_submitter(connection, mail.submitter)
            if lag >= row.lag or row.lag_at < row.now - self._times.lag_memory:
                limits.change_submitter(connection, mail.submitter, lag=lag, lag_at=row.now)

    def _control(self, mail: DeliveryRow, copies: list[Copies], waited: float) -> str | None:
        """Return the Message-ID of a mail whose copy shows that this one was not taken."""
        asked = self.context.settings.mail.on_uncertain == "ask"
        if asked or mail.resent or waited < self._times.lag_allowed:
            return None
        with reading(self.context.engine) as connection:
            row = limits.read_submitter(connection, mail.submitter)
            others = outbox.handed_since(
                connection, mail.submitter, mail.handed_at or 0.0, _MOST_CONTROLS
            )
            before = outbox.handed_before(
                connection, mail.submitter, _earliest(mail), _MOST_CONTROLS
            )
        recent = row is not None and row.lag_at > row.now - self._times.lag_memory
        if recent and row is not None and row.lag >= self._times.lag_allowed:
            return None
        sent = [each.held.uids for each in copies if _keeps(each, mail, before)]
        return next(
            (
                other.message_id
                for other in others
                if other.id != mail.id and any(other.message_id in uids for uids in sent)
            ),
            None,
        )

    def _send_control(self, mail: DeliveryRow) -> None:
        """Have a mail to oneself show whether copies are filed at all, if no other mail does."""
        from .self_mail import queue_control  # noqa: PLC0415 - builds a message, which is rare here

        if self.context.settings.mail.on_uncertain == "ask" or mail.resent:
            return
        queue_control(self.context, mail.account_id, f"control:{mail.id}")

    def _later(self, mail: DeliveryRow, waited: float, copies: list[Copies] | None) -> None:
        """Look again at the next time of the table; tell a person when the table is at its end."""
        times, handed, counted = self._times, mail.handed_at or 0.0, copies is not None
        looks = mail.looks + 1 if counted else mail.looks
        steps = (*times.looks, *times.reminders, times.never_known)
        after = next((step for step in steps[looks:] if step > waited), None)
        told = dict(mail.told)
        if copies is not None and waited <= times.lag_allowed and "since" not in told:
            # Seen soon after the hand-over: if nothing is gone since, no copy was removed.
            told.setdefault("next", {c.name: c.held.next_uid for c in copies if c.held.complete})
        with self.context.change(SYSTEM) as change:
            now = outbox.clock(change.connection)
            at = handed + after if after is not None else now + times.reminders[-1]
            reached = sum(waited >= step for step in (times.looks[-1], *times.reminders))
            if reached > int(told.get("uncertain", 0)):
                told["uncertain"] = reached
                change.happened(
                    "mail_uncertain", mail.account_id, delivery=mail.id, document=mail.document
                )
            values = {"looks": looks, "not_before": max(at, now), "told": told}
            if outbox.settle(change.connection, mail.id, values, states=("uncertain",)):
                seen = "not_found" if counted else "look_failed"
                outbox.step(change.connection, mail.id, seen)


def _earliest(mail: DeliveryRow) -> float:
    """Return when a mail may have been handed over first: long before a backup was restored."""
    return float(mail.told.get("since", mail.handed_at or mail.queued_at))


def _keeps(each: Copies, mail: DeliveryRow, before: list[DeliveryRow]) -> bool:
    """Return whether this folder of copies would still hold the mail's, if there ever was one.

    It shows so by a message, or a copy of ours, from before the hand-over; or if nothing that came
    after an early look is gone. Somebody may have emptied it otherwise.
    """
    if each.role is not Role.SENT or not each.held.complete:
        return False
    if each.held.older or any(other.message_id in each.held.uids for other in before):
        return True
    early = mail.told.get("next", {}).get(each.name)
    return early is not None and not each.held.lost_since(early)


def _evidence(mail: DeliveryRow, where: Copies) -> dict[str, str]:
    uid = str(where.held.uids[mail.message_id])
    return {"mailbox": where.mailbox, "folder": where.folder, "uid": uid}
