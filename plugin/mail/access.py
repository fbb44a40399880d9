"""Access for the host's own mail pipeline: tokens, and signed-in connections within the limits."""

from __future__ import annotations

import hashlib
import secrets
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...schemas.access import MailAccess, Protocol
from ...schemas.mail_address import same_address
from ...schemas.permission import Permission
from ..border import use_case
from ..errors import BadRequestError, MailError, UnavailableError
from ..settings.clouds import endpoints
from ..store import accounts, limits
from ..store.engines import reading, writing
from ..store.events import claim_notice
from ..transport.held_smtp import HeldSMTP, as_smtplibs, busy
from ..transport.imap import imap_session
from ..transport.renewing import RenewableToken
from ..transport.smtp import OWN_NAME, smtp_session
from .limiting import ConnectionsTakenError, connection_lease, window_of

if TYPE_CHECKING:
    from ...schemas.mail_settings import MailSettings
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..transport.imap_client import Client
    from ..vault.renewal import Vault

#: A worker who is given access again within the hour makes no further event.
_NOTICE_SECONDS = 3600.0


@dataclass(frozen=True)
class Access:
    """Access to the mailboxes of one host's accounts."""

    context: Context
    vault: Vault

    @use_case
    def mail_access(
        self, account_id: str, protocol: str, worker: str, rejected: str | None
    ) -> MailAccess:
        """Return what opens the mailbox; `rejected` is a token that a server has just refused."""
        row = self._account(account_id, worker)
        try:
            kind = Protocol(protocol)
        except ValueError:
            problem = "must be imap or smtp"
            raise BadRequestError(
                "argument_unusable", argument="protocol", problem=problem
            ) from None
        token = self.vault.token(account_id, rejected=rejected)
        self._tell(account_id, worker, kind)
        places = endpoints(self.context.settings)
        place = places.imap if kind is Protocol.IMAP else places.smtp
        form = row.form
        return MailAccess(
            protocol=kind,
            host=place.host,
            port=place.port,
            security="tls" if kind is Protocol.IMAP else "starttls",
            username=form.sender_email if kind is Protocol.IMAP else form.username,
            mailbox=form.sender_email,
            sender=form.sender_email,
            token=token.secret,
            expires_at=datetime.fromtimestamp(token.expires_at, UTC),
            ca_file=self.context.settings.ca_file,
        )

    @use_case
    def sender_account(self, address: str, worker: str) -> str | None:
        """Return the account that sends for a From address, None if there is none.

        Of several the connected ones come first, then the oldest; without one the setting
        `default_account`.
        """
        self.context.require(worker, Permission.USE)
        with reading(self.context.engine) as connection:
            everyone = accounts.read_accounts(connection)
            oldest = accounts.ids_by_age(connection)
        found = [row for row in everyone if same_address(row.form.sender_email, address)]
        found.sort(key=lambda row: (not _is_connected(row), oldest.index(row.id)))
        default = self.context.settings.mail.default_account
        ids = [row.id for row in found] or [row.id for row in everyone if row.id == default]
        if not ids:
            return None
        self.context.require(worker, Permission.USE, ids[0])
        return ids[0]

    @use_case
    def smtp(self, account_id: str, worker: str) -> HeldSMTP:
        """Return a signed-in connection that keeps to the limits; see ``smtp_connection``."""
        row = self._account(account_id, worker)
        held = _Held(self.context, row.form.username)
        times = self.context.settings.mail.times
        with ExitStack() as stack:
            try:
                stack.enter_context(connection_lease(self.context, held.submitter, held.owner))
                client = self._opened(row, stack)
            except ConnectionsTakenError:
                words = "4.3.2 All connections of this mailbox are in use. Try again later."
                raise busy(words) from None
            except UnavailableError as err:
                raise busy(str(err)) from None
            except MailError as err:
                raise as_smtplibs(err) from None
            client.hold(
                held,
                stack.pop_all(),
                lease=times.connection_lease,
                seconds=self.context.settings.mail_timeout,
                reply=times.reply_in_job,
            )
        self._tell(account_id, worker, Protocol.SMTP)
        return client

    def _opened(self, row: AccountRow, stack: ExitStack) -> HeldSMTP:
        def opened(token: str) -> HeldSMTP:
            client = HeldSMTP(OWN_NAME)
            settings, username = self.context.settings, row.form.username
            stack.enter_context(
                smtp_session(settings, username=username, token=token, client=client)
            )
            return client

        return self._token(row.id).use(opened)

    @use_case
    def imap(self, account_id: str, worker: str) -> Client:
        """Return a signed-in IMAPClient; raises ``MailError``."""
        row = self._account(account_id, worker)

        def opened(token: str) -> Client:
            settings, mailbox = self.context.settings, row.form.sender_email
            session = stack.enter_context(imap_session(settings, mailbox=mailbox, token=token))
            return session.client

        with ExitStack() as stack:
            client = self._token(row.id).use(opened)
            client.released = stack.pop_all().close
        self._tell(account_id, worker, Protocol.IMAP)
        return client

    def _token(self, account_id: str) -> RenewableToken:
        return RenewableToken(
            self.vault.token(account_id),
            lambda rejected: self.vault.token(account_id, rejected=rejected),
        )

    def _account(self, account_id: str, worker: str) -> AccountRow:
        self.context.require(worker, Permission.USE, account_id)
        with reading(self.context.engine) as connection:
            return accounts.require_account(connection, account_id)

    def _tell(self, account_id: str, worker: str, protocol: Protocol) -> None:
        """Keep an event, once an hour for each worker, account and protocol."""
        who = hashlib.sha256(worker.encode()).hexdigest()[:16]
        with writing(self.context.engine) as connection:
            notice = f"mail_access {protocol} {account_id} {who}"
            due = claim_notice(connection, notice, _NOTICE_SECONDS)
        if due:
            self.context.emit("mail_access_given", worker, account_id, protocol=protocol.value)


def _is_connected(row: AccountRow) -> bool:
    return row.signed_in_at is not None and not row.refused


@dataclass
class _Held:
    """A leased connection of a submitter, and the places of its messages."""

    context: Context
    submitter: str
    owner: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def _mail(self) -> MailSettings:
        return self.context.settings.mail

    def renew(self) -> bool:
        """Hold the connection on; return whether it is still held."""
        with writing(self.context.engine, lasting=False) as connection:
            seconds = self._mail.times.connection_lease
            return limits.renew_connection(connection, self.owner, seconds)

    def place(self) -> bool:
        """Wait for a place in the submitter's window, as long as a mail server may take."""
        ends = time.monotonic() + self.context.settings.mail_timeout
        while True:
            with writing(self.context.engine, lasting=False) as connection:
                wait = limits.take_place(connection, self.submitter, window_of(self._mail), 0)
            left = ends - time.monotonic()
            if wait <= 0 or left <= 0 or wait > left:
                return wait <= 0
            time.sleep(min(wait, left))

    def count(self, recipients: int) -> None:
        """Count a message's recipients against the day's limit."""
        with writing(self.context.engine, lasting=False) as connection:
            limits.count_recipients(connection, self.submitter, window_of(self._mail), recipients)

    def release(self) -> None:
        """Give the connection back."""
        with writing(self.context.engine, lasting=False) as connection:
            limits.release_connection(connection, self.owner)
