"""Access without a person: the app itself opens the mailbox (client credentials, RFC 6749 §4.4).

An administrator chooses it for an account, on the command line only. The app can open whatever
Exchange lets it open, so the choice ends when the account is given another mailbox (`accounts`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.mail_address import same_address
from ...schemas.permission import Permission
from ..border import use_case
from ..connection.explain import PermissionMissingError, Subject, explained
from ..entra.claims import app_itself
from ..entra.refusals import GrantRefusedError
from ..errors import BadRequestError, RegistrationError
from ..findings.catalogue import finding
from ..findings.scopes import scope_problem
from ..settings.clouds import endpoints
from ..store import accounts, grants
from ..store.engines import reading
from ..wire.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...schemas.report import Finding
    from ..context import Context
    from ..entra.claims import AppItself
    from ..entra.identity import Identity
    from ..entra.tokens import Tokens
    from ..store.accounts import AccountRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOutcome:
    """Whether the grant was stored, and what remains to be done, by whom."""

    connected: bool
    finding: Finding


@dataclass(frozen=True)
class AppAccess:
    """The app's own access to the mailboxes of one host."""

    context: Context
    identity: Callable[[], Identity]

    @use_case
    def connect(self, account_id: str, worker: str) -> AppOutcome:
        """Store a grant of the app's own, in place of a person's.

        What Microsoft refuses is a finding. Raises ``BadRequestError`` if the account or the
        tenant does not fit, ``UnavailableError``, ``StoreError``.
        """
        self.context.require(worker, Permission.CONNECT, account_id)
        with reading(self.context.engine) as connection:
            row = accounts.require_account(connection, account_id)
        self._refuse_unfit(row)
        self.context.emit("authn_login_begin", worker, account_id, access="app")
        try:
            tokens = self._permitted()
        except (PermissionMissingError, GrantRefusedError, RegistrationError) as err:
            found = explained(err, self._subject(row), "token")
            self.context.emit("authn_login_fail", worker, account_id, code=found.code)
            return AppOutcome(connected=False, finding=found)
        app = app_itself(tokens.access_token)
        self._keep(row, tokens, app, worker)
        values = self._subject(row, app.object_id).values("imap")
        found = finding("app_not_admitted", references={}, links={}, **values)
        return AppOutcome(connected=True, finding=found)

    def _permitted(self) -> Tokens:
        with Deadline.after(self.context.settings.http_timeout).applied():
            tokens = self.identity().app_tokens()
        problem = scope_problem(tokens.scopes, endpoints(self.context.settings).scopes)
        if problem:
            raise PermissionMissingError(*problem)
        return tokens

    def _refuse_unfit(self, row: AccountRow) -> None:
        if self.context.settings.tenant.casefold() == "organizations":
            raise BadRequestError("tenant_not_named")
        if not same_address(row.form.username, row.form.sender_email):
            raise BadRequestError("nobody_to_sign_in")

    def _keep(self, row: AccountRow, tokens: Tokens, app: AppItself, worker: str) -> None:
        with self.context.change(worker) as change:
            if accounts.require_account(change.connection, row.id).form != row.form:
                raise BadRequestError("account_changed")
            grants.put_grant(
                change.connection,
                self.context.ring,
                row.id,
                tokens,
                tenant_id=app.tenant_id,
                object_id=app.object_id,
                username=grants.APP_USERNAME,
                granted_at=change.at,
                kind=grants.GrantKind.APP,
            )
            change.happened(
                "authn_login_success", row.id, username=grants.APP_USERNAME, access="app"
            )

    def _subject(self, row: AccountRow, service_principal: str = "") -> Subject:
        return Subject(
            settings=self.context.settings,
            account_id=row.id,
            mailbox=row.form.sender_email,
            username=row.form.username,
            sender=row.form.sender_email,
            service_principal=service_principal,
        )
