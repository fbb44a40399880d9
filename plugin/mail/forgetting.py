"""Empty the personal data of finished mails; that each was sent, and what it was, stays known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.permission import Permission
from ..border import use_case
from ..store import mail_upkeep
from ..store.engines import reading, writing

if TYPE_CHECKING:
    from datetime import datetime

    from ..context import Context

#: Mails of one transaction.
_BATCH = 200


@dataclass(frozen=True)
class Forgetting:
    """Forgets the mails of one host, batch by batch; killed, the next run goes on."""

    context: Context

    @use_case
    def forget(self, before: datetime, worker: str) -> int:
        """Forget who got what in mails that were finished `before`; return how many.

        What stays is a stub: the ids, the request, the Message-ID, the state and its finding. So
        a request that is repeated still sends nothing.
        """
        self.context.require(worker, Permission.MAINTAIN)
        done = 0
        while True:
            with reading(self.context.engine) as connection:
                ids = mail_upkeep.to_forget(connection, before.timestamp(), _BATCH)
            if not ids:
                return done
            with writing(self.context.engine) as connection:
                mail_upkeep.forget(connection, ids)
            done += len(ids)
