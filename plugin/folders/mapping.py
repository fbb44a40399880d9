"""Default Folder Mappings of one account: the dropdowns' choices, and the mapping stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from marshmallow import ValidationError

from ...schemas.folders import load_mapping
from ...schemas.mappings import posted
from ...schemas.permission import Permission
from ..border import use_case
from ..findings.wording import form_errors
from ..store import accounts
from ..store.engines import reading
from ..transport.imap import imap_session
from ..transport.renewing import RenewableToken
from ..wire.deadline import Deadline
from .choices import folder_choices, map_folders, paths_to_ask, paths_to_map

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from ...schemas.account import FormErrors
    from ...schemas.folders import FolderChoices
    from ...schemas.view import AccountView
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..transport.imap import ImapSession
    from ..vault.renewal import Vault

T = TypeVar("T")


@dataclass(frozen=True)
class Folders:
    """Default Folder Mappings, for the accounts of one host."""

    context: Context
    vault: Vault
    #: Returns the account's view for a worker, within the transaction that changed it.
    shown: Callable[[Connection, str, str], AccountView]

    @use_case
    def choices(self, account_id: str, worker: str) -> FolderChoices:
        """List the folders, and hold the stored mapping against them."""
        row = self._account(account_id, worker, Permission.MAP_FOLDERS)
        with reading(self.context.engine) as connection:
            mapped = accounts.read_mapping(connection, account_id)

        def listed_choices(session: ImapSession) -> FolderChoices:
            listed = session.folders()
            validities = session.uid_validities(paths_to_ask(listed, mapped))
            return folder_choices(account_id, listed, mapped, validities)

        return self._with_session(row, listed_choices)

    @use_case
    def map(
        self, account_id: str, mapping: Mapping[str, Any], worker: str
    ) -> AccountView | FormErrors:
        """Store a mapping; what is wrong with it comes back, and nothing is stored then."""
        row = self._account(account_id, worker, Permission.MAP_FOLDERS)
        try:
            chosen = load_mapping(mapping)

            def checked(session: ImapSession) -> Any:
                listed = session.folders()
                return map_folders(
                    chosen,
                    listed,
                    session.uid_validities(paths_to_map(listed, chosen), needed=True),
                    chosen_by=worker,
                    chosen_at=self.context.now(),
                )

            mapped = self._with_session(row, checked)
        except ValidationError as err:
            messages: Any = err.messages
            return form_errors(messages, posted(mapping))
        with self.context.change(worker) as change:
            accounts.require_account(change.connection, account_id)
            accounts.store_mapping(change.connection, account_id, mapped)
            roles = " ".join(sorted(chosen))
            change.happened("mail_account_folders_mapped", account_id, roles=roles)
            return self.shown(change.connection, account_id, worker)

    def _account(self, account_id: str, worker: str, permission: Permission) -> AccountRow:
        self.context.require(worker, permission, account_id)
        with reading(self.context.engine) as connection:
            return accounts.require_account(connection, account_id)

    def _with_session(self, row: AccountRow, work: Callable[[ImapSession], T]) -> T:
        """Do `work` in one session; a token that the server refuses is renewed once."""
        settings, mailbox = self.context.settings, row.form.sender_email

        def in_session(token: str) -> T:
            with imap_session(settings, mailbox=mailbox, token=token) as session:
                return work(session)

        with Deadline.after(settings.mail_timeout).applied():
            token = RenewableToken(
                self.vault.token(row.id),
                lambda refused: self.vault.token(row.id, rejected=refused),
            )
            return token.use(in_session)
