"""Tickets as the suite needs them: given by the hook, opened in any browser, made older at will."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from ..plugin.settings.routes import routes
from ..plugin.store.engines import engine_for, writing
from ..plugin.store.tables import ticket

if TYPE_CHECKING:
    from .browser import Browser
    from .running import Running

_NOBODYS = "m365:conformance"


@dataclass(frozen=True)
class Tickets:
    """Tickets for one account of a host under test."""

    erp: Running
    account_id: str

    def give(self) -> str:
        """Return the address of a new ticket of the worker who may do everything."""
        path: str = self.erp.hook.salesorder_login_ticket(
            host=self.erp.host,
            account_id=self.account_id,
            worker=self.erp.adapter.worker,
            return_to="/",
            purpose="login",
        )
        return path

    def begins(self, browser: Browser, path: str) -> bool:
        """Open an address; return whether it leads to Microsoft."""
        return self.erp.is_microsoft(self.erp.followed(browser, path))

    def make_older(self, seconds: float) -> None:
        """Let all tickets of this host have been given so many seconds earlier."""
        engine = engine_for(self.erp.host.name, self.erp.host.settings.database_url)
        with writing(engine) as connection:
            for given in connection.execute(select(ticket)).all():
                connection.execute(
                    update(ticket)
                    .where(ticket.c.ticket_hash == given.ticket_hash)
                    .values(expires_at=given.expires_at - timedelta(seconds=seconds))
                )


def opens_tickets(erp: Running, browser: Browser) -> bool:
    """Return whether the host answers at the address of tickets, as one that mounts `web` does."""
    answer = browser.get(routes(erp.host.settings).login, {"ticket": _NOBODYS})
    return answer.status_code != 404
