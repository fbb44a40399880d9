"""How an account's mail stands, for its view: what waits, and what keeps it from leaving."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..findings.catalogue import finding
from ..store import outbox, work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from ...schemas.view import AccountView
    from ..store.work import MailingRow


@dataclass(frozen=True, slots=True)
class Standings:
    """What is known of some accounts; an account that is in neither has no mail waiting."""

    waiting: Mapping[str, int]
    paused: Mapping[str, MailingRow]

    def shown(self, view: AccountView) -> AccountView:
        """Return the view with how its mail stands."""
        paused = self.paused.get(view.id)
        found = None
        if paused is not None:
            found = finding(
                paused.finding,
                server_words=paused.server_words,
                mailbox=view.mailbox,
                sender=view.mailbox,
                username=view.values.username,
            )
        return replace(view, waiting=self.waiting.get(view.id, 0), paused=found)


def standings(connection: Connection, account_id: str | None = None) -> Standings:
    """Return how mail stands for one account, or for all."""
    return Standings(
        outbox.count_waiting(connection, account_id), work.read_paused(connection, account_id)
    )
