"""The accounts of one host: list, view, save, delete, disconnect. `saving` decides about a save."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError
from sqlalchemy.exc import IntegrityError

from ...schemas.account import AccountFormSchema, FormErrors
from ...schemas.ids import ID_PREFIX
from ...schemas.permission import Permission
from ..border import use_case
from ..errors import StoreError
from ..findings.wording import form_errors
from ..mail.pausing import settle_soon
from ..mail.standing import standings
from ..store import accounts, grants
from ..store.engines import reading
from ..store.events import last_events
from .saving import (
    ASIDE,
    AskedError,
    Submission,
    changed,
    read_submission,
    require_domains,
    require_free,
)
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
            submission = read_submission(values, request_id)
            return self._store(account_id, submission, worker)
        except ValidationError as err:
            return _form_errors(err, values)
        except StoreError as err:
            if not isinstance(err.__cause__, IntegrityError):
                raise
        # Another worker took the name, or sent the same request, at the same moment: now it shows.
        try:
            return self._store(account_id, submission, worker)
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

    def _store(self, account_id: str | None, submission: Submission, worker: str) -> AccountView:
        with self.context.change(worker) as change:
            if account_id is None:
                return self._create(change, submission)
            if changed(change.connection, account_id, submission, self.context.settings):
                mailbox = submission.form.sender_email
                change.happened("mail_account_updated", account_id, mailbox=mailbox)
            return self.shown(change.connection, account_id, worker)

    def _create(self, change: Change, submission: Submission) -> AccountView:
        connection, worker, form = change.connection, change.worker, submission.form
        before = accounts.read_request(connection, submission.request_id)
        if before is not None:
            submission.check_same(before, worker)
            self.context.require(worker, Permission.VIEW, before.account_id)
            return self.shown(connection, before.account_id, worker)
        require_domains(form, None, self.context.settings)
        require_free(connection, form.account_name)
        account_id = ID_PREFIX + secrets.token_hex(16)
        accounts.insert_account(
            connection,
            account_id,
            form,
            request_id=submission.request_id,
            request_digest=submission.digest,
            at=change.at,
            by=worker,
        )
        change.happened("mail_account_created", account_id, mailbox=form.sender_email)
        return self.shown(connection, account_id, worker)


def _form_errors(err: ValidationError, values: Mapping[str, Any]) -> FormErrors:
    messages: Any = err.messages
    names = (*AccountFormSchema().fields, *ASIDE)
    # As typed, so that nothing is lost; but no field of the host's own (its CSRF token).
    typed = {name: values[name] for name in names if name in values}
    again = err.again if isinstance(err, AskedError) else {}
    return form_errors(messages, {**typed, **again})
