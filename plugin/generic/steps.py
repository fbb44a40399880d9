"""The steps of replacing one Generic account: copy, delete, restore. `replacing` decides which.

The host's database and ours commit apart. So each step is written down before it is taken, what
the host does may be done again, and the next run continues wherever the last one was killed. The
copy is sealed before the host deletes, and is never deleted afterwards.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from ...schemas.generic import GenericCode, GenericState
from ...schemas.ids import ID_PREFIX
from ..errors import HostFailedError, StoreError
from ..store import accounts
from ..store import retired as store
from ..store.engines import reading, writing
from ..store.retired import RetiredRow
from .plan import suggested_form

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ...schemas.generic import GenericAccount
    from ...schemas.host import GenericAccounts
    from ..context import Change, Context

log = logging.getLogger(__name__)
#: How often an account is copied again when somebody changes it between the copy and its deletion.
_TRIES = 3
_DELETING = GenericState.DELETING
_OVER = frozenset({GenericState.REPLACED, GenericState.RESTORED})


@contextmanager
def host_code(what: str) -> Iterator[None]:
    """Run the host's code: whatever it raises becomes ``HostFailedError``, and is logged."""
    try:
        yield
    except Exception as err:
        log.exception("the host failed to %s", what)
        raise HostFailedError from err


@dataclass(frozen=True)
class Retirement:
    """The steps, each of which may be run again."""

    context: Context
    host: GenericAccounts
    worker: str

    def keep(self, generic: GenericAccount) -> RetiredRow | None:
        """Seal a copy and make the new account, in one transaction; None if it is gone.

        What is begun already stays as it is, but a new account that is missing is made again.
        """
        for _ in range(_TRIES):
            seen = self.row(generic.id)
            if seen is not None and _begun(seen):
                return seen
            with host_code("export a Generic account"):
                settings = self.host.export_generic(generic.id)
            if settings is None:
                return None
            kept = self._keep(generic, settings, seen)
            if kept is not None:
                return kept
        return self.row(generic.id)

    def retire(self, row: RetiredRow) -> GenericCode:
        """Delete the Generic account at the host, once it is copied; return how that ended."""
        settings = row.open_settings(self.context.ring)
        if not self._moves(row, {GenericState.WAITING, _DELETING}, _DELETING):
            return self._as_it_is(row)
        for _ in range(_TRIES):
            if self._deleted(row, settings):
                return self._retired(row, settings)
            with host_code("export a Generic account"):
                settings = self.host.export_generic(row.id) or settings
            sealed = store.seal_settings(self.context.ring, row.id, settings)
            if not self._moves(row, {_DELETING}, _DELETING, settings=sealed):
                return self._as_it_is(row)
        self._moves(row, {_DELETING}, GenericState.WAITING)
        return GenericCode.CHANGED

    def put_back(self, row: RetiredRow, *, keep_new: bool) -> None:
        """Put the Generic account back at the host, then let the new one go if that is wanted."""
        settings = row.open_settings(self.context.ring)
        unrestored = set(GenericState) - {GenericState.RESTORED}
        begun = self._moves(row, unrestored, GenericState.RESTORING, keep_new=keep_new)
        with host_code("put a Generic account back"):
            self.host.put_back_generic(row.id, settings)
        if not begun:
            return  # it was restored before, and what the host has since lost is back
        with self.context.change(self.worker) as change:
            before = {GenericState.RESTORING}
            if store.move(change.connection, row.id, before, GenericState.RESTORED):
                _happened(change, "mail_account_generic_restored", row)
                if not keep_new:
                    _let_go(change, row)

    def row(self, generic_id: str) -> RetiredRow | None:
        """Return how far the account is; None if nothing was begun."""
        with reading(self.context.engine) as connection:
            return store.read_row(connection, generic_id)

    def _keep(
        self, generic: GenericAccount, settings: str, seen: RetiredRow | None
    ) -> RetiredRow | None:
        """Return the row as stored; None if another run, or a name taken now, was in the way."""
        try:
            with self.context.change(self.worker) as change:
                if store.read_row(change.connection, generic.id, lock=True) != seen:
                    return None  # the copy may be from before the other run's deletion
                return self._kept(change, generic, settings, seen)
        except StoreError as err:
            if not isinstance(err.__cause__, IntegrityError):
                raise
            return None

    def _kept(
        self, change: Change, generic: GenericAccount, settings: str, before: RetiredRow | None
    ) -> RetiredRow:
        account_id, made = _successor(change, generic)
        row = RetiredRow(
            generic=generic,
            state=GenericState.WAITING,
            account_id=account_id,
            created=made or _made(before, account_id),
            keep_new=True,
            settings=store.seal_settings(self.context.ring, generic.id, settings),
            kept_at=change.at,
            kept_by=self.worker,
        )
        store.put_row(change.connection, row, new=before is None)
        _happened(change, "mail_account_generic_kept", row)
        return row

    def _deleted(self, row: RetiredRow, settings: str) -> bool:
        with host_code("delete a Generic account"):
            return self.host.delete_generic(row.id, settings, row.account_id or "")

    def _retired(self, row: RetiredRow, settings: str) -> GenericCode:
        with self.context.change(self.worker) as change:
            if store.move(change.connection, row.id, {_DELETING}, GenericState.REPLACED):
                _happened(change, "mail_account_generic_deleted", row)
                return GenericCode.REPLACED
        now = self.row(row.id)
        if now is not None and now.state in {_DELETING, GenericState.REPLACED}:
            return GenericCode.REPLACED  # another run is at it too
        # Somebody restored it while we deleted it: what they asked for counts.
        with host_code("put a Generic account back"):
            self.host.put_back_generic(row.id, settings)
        return GenericCode.RESTORED

    def _as_it_is(self, row: RetiredRow) -> GenericCode:
        """Return what another run has made of the account meanwhile."""
        now = self.row(row.id)
        if now is not None and now.state is GenericState.REPLACED:
            return GenericCode.REPLACED
        back = now is not None and now.state in {GenericState.RESTORING, GenericState.RESTORED}
        return GenericCode.RESTORED if back else GenericCode.CHANGED

    def _moves(
        self, row: RetiredRow, before: Collection[GenericState], after: GenericState, **values: Any
    ) -> bool:
        with writing(self.context.engine) as connection:
            return store.move(connection, row.id, before, after, **values)


def _successor(change: Change, generic: GenericAccount) -> tuple[str, bool]:
    """Return the account of the same mailbox, and whether it was made now."""
    connection = change.connection
    form = suggested_form(generic, lambda name: accounts.name_taken(connection, name, but=None))
    known = accounts.account_of_mailbox(connection, form.sender_email)
    if known is not None:
        return known, False
    account_id = ID_PREFIX + secrets.token_hex(16)
    request_id = f"generic {secrets.token_hex(16)}"
    accounts.insert_account(
        connection, account_id, form, request_id=request_id, at=change.at, by=change.worker
    )
    change.happened("mail_account_created", account_id, mailbox=form.sender_email)
    return account_id, True


def _let_go(change: Change, row: RetiredRow) -> None:
    """Delete the new account, unless it was there before or stands for another one too."""
    account_id = str(row.account_id)
    if row.account_id is None or not row.created:
        return
    if store.used_by_others(change.connection, account_id, but=row.id):
        return
    if accounts.delete_account(change.connection, account_id):
        change.happened("mail_account_deleted", account_id)


def _happened(change: Change, name: str, row: RetiredRow) -> None:
    change.happened(name, row.account_id, generic_id=row.id, mailbox=row.generic.address)


def _begun(row: RetiredRow) -> bool:
    return row.state not in _OVER and row.account_id is not None


def _made(before: RetiredRow | None, account_id: str) -> bool:
    return before is not None and before.created and before.account_id == account_id
