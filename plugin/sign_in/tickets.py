"""Tickets: a one-shot address for a Login button whose answer can set no cookie.

A desktop client or a page's script presses Login by an RPC. It is given an address, which the
worker's browser opens; there the browser gets its cookie, and `sign_in` begins.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ...schemas.ids import ID_PREFIX
from ...schemas.permission import Permission
from ..border import use_case
from ..errors import BadRequestError, TicketError
from ..settings.routes import routes
from ..store import accounts, tickets
from ..store.engines import reading, writing
from ..store.tickets import Ticket
from .return_to import check_return_to

if TYPE_CHECKING:
    from ...schemas.signin import Redirect
    from ..context import Context
    from .sign_in import SignIn

LIFETIME = timedelta(seconds=60)
PURPOSES = ("login", "consent")


@dataclass(frozen=True)
class Tickets:
    """The tickets of one host."""

    context: Context
    sign_in: SignIn

    @use_case
    def give(self, account_id: str, worker: str, return_to: str, purpose: str) -> str:
        """Store a ticket and return the path at which it is opened."""
        self.context.require(worker, Permission.CONNECT, account_id)
        check_return_to(return_to)
        if purpose not in PURPOSES:
            problem = f"must be one of: {', '.join(PURPOSES)}"
            raise BadRequestError("argument_unusable", argument="purpose", problem=problem)
        ticket, now = ID_PREFIX + secrets.token_urlsafe(32), self.context.now()
        row = Ticket(
            purpose=purpose,
            account_id=account_id,
            worker=worker,
            return_to=return_to,
            expires_at=now + LIFETIME,
        )
        with writing(self.context.engine) as connection:
            accounts.require_account(connection, account_id)
            tickets.store_ticket(connection, ticket, row, now=now)
        return f"{routes(self.context.settings).login}?ticket={ticket}"

    @use_case
    def open(self, ticket: str, worker: str | None, browser: str) -> Redirect:
        """Use a ticket up and begin what it was given for; a mismatch does not use it up."""
        if not worker:
            raise TicketError("ticket_nobody")
        with reading(self.context.engine) as connection:
            row = tickets.find_ticket(connection, ticket)
        if row is None:
            raise TicketError("ticket_expired")
        if row.worker != worker:
            self._note_foreign(row, worker)
            raise TicketError("ticket_foreign")
        with writing(self.context.engine) as connection:
            now = self.context.now()
            if not tickets.use_ticket(connection, ticket, worker=worker, now=now):
                raise TicketError("ticket_expired")
        begin = self.sign_in.begin if row.purpose == "login" else self.sign_in.begin_consent
        return begin(row.account_id, worker, browser, row.return_to)

    def _note_foreign(self, row: Ticket, worker: str) -> None:
        self.context.emit("authn_login_fail", worker, row.account_id, code="ticket_foreign")
