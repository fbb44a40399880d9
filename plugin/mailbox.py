"""An account's mailbox: Test Connection, the folders' dropdowns, the mapping.

What goes wrong in Test Connection becomes a finding; elsewhere it is an error for the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from marshmallow import ValidationError

from ..schemas.account import FormErrors
from ..schemas.folders import load_mapping
from ..schemas.permission import Permission
from .deadline import Deadline
from .diagnosis.probe import probe
from .errors import MailError
from .folders import folder_choices, map_folders, paths_to_ask, paths_to_map
from .imap import imap_session
from .reports import stored_report
from .store import accounts
from .store.engines import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..schemas.folders import FolderChoices
    from ..schemas.report import ConnectionReport, Stage
    from .context import Context
    from .imap import ImapSession
    from .store.accounts import AccountRow
    from .vault import Vault

T = TypeVar("T")

#: Answers that a renewed token may change.
_TOKEN_REFUSED = frozenset({"imap_refused", "token_expired"})


@dataclass(frozen=True)
class Mailbox:
    """The use cases that talk to Microsoft's mail servers."""

    context: Context
    vault: Vault

    def test(
        self, account_id: str, worker: str, progress: Callable[[Stage], None] | None
    ) -> ConnectionReport:
        """Climb both ladders and keep the report."""
        row = self._account(account_id, worker, Permission.TEST)
        report = probe(
            self.context.settings,
            account_id=account_id,
            mailbox=row.form.sender_email,
            username=row.form.username,
            sender=row.form.sender_email,
            token=lambda rejected: self.vault.token(account_id, rejected=rejected),
            progress=progress,
            now=self.context.now,
        )
        codes = " ".join(found.code for found in report.findings)
        with writing(self.context.engine) as connection:
            accounts.store_report(connection, account_id, stored_report(report))
            event = self.context.keep(
                connection,
                "mail_account_tested",
                worker,
                account_id,
                passed=str(report.passed),
                findings=codes,
            )
        self.context.tell(event)
        return report

    def folder_choices(self, account_id: str, worker: str) -> FolderChoices:
        """List the folders, and hold the stored mapping against them."""
        row = self._account(account_id, worker, Permission.MAP_FOLDERS)
        with reading(self.context.engine) as connection:
            mapped = accounts.read_mapping(connection, account_id)

        def choices(session: ImapSession) -> FolderChoices:
            listed = session.folders()
            validities = session.uid_validities(paths_to_ask(listed, mapped))
            return folder_choices(account_id, listed, mapped, validities)

        return self._with_session(row, choices)

    def map_folders(
        self, account_id: str, mapping: Mapping[str, Any], worker: str
    ) -> FormErrors | None:
        """Store a mapping; what is wrong with it comes back, and nothing is stored then."""
        row = self._account(account_id, worker, Permission.MAP_FOLDERS)
        try:
            chosen = load_mapping(mapping)

            def checked(session: ImapSession) -> Any:
                listed = session.folders()
                return map_folders(
                    chosen,
                    listed,
                    session.uid_validities(paths_to_map(listed, chosen)),
                    chosen_by=worker,
                    chosen_at=self.context.now(),
                )

            mapped = self._with_session(row, checked)
        except ValidationError as err:
            messages: Any = err.messages
            errors = {role: tuple(texts) for role, texts in messages.items()}
            return FormErrors(errors=errors, values=dict(mapping))
        with writing(self.context.engine) as connection:
            accounts.require_account(connection, account_id)
            accounts.store_mapping(connection, account_id, mapped)
            event = self.context.keep(
                connection,
                "mail_account_folders_mapped",
                worker,
                account_id,
                roles=" ".join(sorted(chosen)),
            )
        self.context.tell(event)
        return None

    def _account(self, account_id: str, worker: str, permission: Permission) -> AccountRow:
        self.context.require(worker, permission, account_id)
        with reading(self.context.engine) as connection:
            return accounts.require_account(connection, account_id)

    def _with_session(self, row: AccountRow, work: Callable[[ImapSession], T]) -> T:
        """Do `work` in one session; a token that the server refuses is renewed once."""
        mailbox = row.form.sender_email
        with Deadline.after(self.context.settings.mail_timeout).applied():
            token = self.vault.token(row.id).secret
            try:
                with imap_session(self.context.settings, mailbox=mailbox, token=token) as session:
                    return work(session)
            except MailError as err:
                if err.code not in _TOKEN_REFUSED:
                    raise
            token = self.vault.token(row.id, rejected=token).secret
            with imap_session(self.context.settings, mailbox=mailbox, token=token) as session:
                return work(session)
