"""The accounts of one host: list, view, save, delete, disconnect. Mail is `mailbox`'s job."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError

from ...schemas.account import AccountForm, AccountFormSchema, FormErrors, load_account
from ...schemas.ids import ID_PREFIX
from ...schemas.permission import Permission
from ...schemas.text import same_address
from ..border import use_case
from ..errors import StoreError
from ..mail.pausing import settle_soon
from ..mail.standing import standings
from ..store import accounts, grants
from ..store.engines import reading
from ..store.events import last_events
from .views import view_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from ...schemas.event import Event
    from ...schemas.folders import MappedFolder
    from ...schemas.view import AccountView
    from ..context import Change, Context
    from ..store.accounts import AccountRow


@dataclass(frozen=True)
class Accounts:
    """The use cases that need no network."""

    context: Context

    @use_case
    def list(self, worker: str) -> list[AccountView]:
        """Return the accounts that the worker may see, by name."""
        self.context.require(worker, Permission.VIEW)
        with reading(self.context.engine) as connection:
            mappings, mail = accounts.read_mappings(connection), standings(connection)
            return [
                mail.shown(self._drawn(row, mappings.get(row.id, ()), worker))
                for row in accounts.read_accounts(connection)
                if self.context.host.allows(worker, Permission.VIEW, row.id)
            ]

    @use_case
    def view(self, account_id: str, worker: str) -> AccountView:
        """Return one account."""
        self.context.require(worker, Permission.VIEW, account_id)
        with reading(self.context.engine) as connection:
            return self.shown(connection, account_id, worker)

    @use_case
    def save(
        self, account_id: str | None, values: Mapping[str, Any], worker: str, request_id: str
    ) -> AccountView | FormErrors:
        """Create or change an account; wrong values come back with what is wrong."""
        permission = Permission.CREATE if account_id is None else Permission.EDIT
        self.context.require(worker, permission, account_id)
        try:
            form = load_account(values)
        except ValidationError as err:
            return _form_errors(err, values)
        try:
            return self._store(account_id, form, worker, request_id)
        except ValidationError as err:
            return _form_errors(err, values)
        except StoreError as err:
            if not isinstance(err.__cause__, IntegrityError):
                raise
        # Another worker took the name, or sent the same request, at the same moment: now it shows.
        try:
            return self._store(account_id, form, worker, request_id)
        except ValidationError as err:
            return _form_errors(err, values)

    @use_case
    def delete(self, account_id: str, worker: str) -> bool:
        """Delete an account with its grant and mapping; one that is gone is no error."""
        self.context.require(worker, Permission.DELETE, account_id)
        with self.context.change(worker) as change:
            if accounts.delete_account(change.connection, account_id):
                change.happened("mail_account_deleted", account_id)
                settle_soon(change.connection, account_id)
        return True

    @use_case
    def disconnect(self, account_id: str, worker: str) -> AccountView:
        """Delete the grant's ciphertext."""
        self.context.require(worker, Permission.CONNECT, account_id)
        with self.context.change(worker) as change:
            accounts.require_account(change.connection, account_id)
            if grants.delete_grant(change.connection, account_id):
                change.happened("authn_token_deleted", account_id)
            return self.shown(change.connection, account_id, worker)

    def shown(self, connection: Connection, account_id: str, worker: str) -> AccountView:
        """Return the view of an account within the transaction that has changed it.

        No permission is asked: a worker who may change an account may see the result.
        """
        row = accounts.require_account(connection, account_id)
        mapping = accounts.read_mapping(connection, account_id)
        view = self._drawn(row, mapping, worker, last_events(connection, account_id))
        return standings(connection, account_id).shown(view)

    def _drawn(
        self,
        row: AccountRow,
        folders: tuple[MappedFolder, ...],
        worker: str,
        events: tuple[Event, ...] = (),
    ) -> AccountView:
        allows = self.context.host.allows
        return view_of(
            row, folders, self.context.settings, lambda asked: allows(worker, asked, row.id), events
        )

    def _store(
        self, account_id: str | None, form: AccountForm, worker: str, request_id: str
    ) -> AccountView:
        with self.context.change(worker) as change:
            if account_id is None:
                return self._create(change, form, request_id)
            _change(change.connection, account_id, form)
            change.happened("mail_account_updated", account_id, mailbox=form.sender_email)
            return self.shown(change.connection, account_id, worker)

    def _create(self, change: Change, form: AccountForm, request_id: str) -> AccountView:
        connection, worker = change.connection, change.worker
        made_before = accounts.account_of_request(connection, request_id)
        if made_before is not None:
            return self.shown(connection, made_before, worker)
        _require_free(connection, form.account_name, but=None)
        account_id = ID_PREFIX + secrets.token_hex(16)
        accounts.insert_account(
            connection, account_id, form, request_id=request_id, at=change.at, by=worker
        )
        change.happened("mail_account_created", account_id, mailbox=form.sender_email)
        return self.shown(connection, account_id, worker)


def _change(connection: Connection, account_id: str, form: AccountForm) -> None:
    """Store the changed form; what belongs to the old user or mailbox goes."""
    row = accounts.require_account(connection, account_id)
    before = row.form
    if form.account_name != before.account_name:
        _require_free(connection, form.account_name, but=account_id)
    if form == before:
        return
    accounts.update_account(connection, account_id, form)
    moved = not same_address(before.sender_email, form.sender_email)
    # What a person may open, Microsoft says. What the app may, an administrator chose by mailbox.
    another_mailbox = moved and row.kind is grants.GrantKind.APP
    if another_mailbox or not same_address(before.username, form.username):
        grants.delete_grant(connection, account_id)
    if moved:
        accounts.store_mapping(connection, account_id, ())


def _require_free(connection: Connection, name: str, *, but: str | None) -> None:
    if accounts.name_taken(connection, name, but=but):
        msg = f"There is an account “{name}” already. Choose another name."
        raise ValidationError({"account_name": [msg]})


def _form_errors(err: ValidationError, values: Mapping[str, Any]) -> FormErrors:
    messages: Any = err.messages
    names = AccountFormSchema().fields
    return FormErrors(
        errors={name: tuple(texts) for name, texts in messages.items()},
        # As typed, so that nothing is lost; but no field of the host's own (its CSRF token).
        values={name: values[name] for name in names if name in values},
    )
