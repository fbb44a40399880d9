"""What the faults of sending have in common: an outbox on a bench, and how its story ends."""

import secrets
from dataclasses import replace
from typing import Any

from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.store.engines import reading, writing
from salesorder_m365.plugin.store.mail_tables import connection_slot, delivery, work
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.delivery import Delivery
from salesorder_m365.schemas.mail_settings import MailSettings, MailTimes
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from sqlalchemy import select
from support.erp import WORKER
from support.outbox import age, open_paused

from .bench import SALES, Bench
from .registry import Facts

BUYER, OTHER = "buyer@fabrikam.example.com", "other@fabrikam.example.com"
#: Seconds that real processes and sockets need stay short, all others are aged by hand.
TIMES: dict[str, Any] = {"reply_in_job": 1.0, "lease_margin": 0.5}


class Outbox:
    """One account's outbox on a bench, at the simulator."""

    def __init__(self, bench: Bench, *, times: dict[str, Any] = TIMES, **mail: Any) -> None:
        # Copies that another row held back would keep this one's waiting.
        bench.sim.reset()
        self.bench = bench
        self.times = times
        table = replace(MailTimes(), **times)
        # The submitter is the same for all rows: another's messages must not fill its minute.
        settings = MailSettings(times=table, **{"messages_per_minute": 1000, **mail})
        bench.erp.settings = replace(bench.erp.settings, mail=settings)
        self.account = bench.account

    @property
    def use_cases(self) -> UseCases:
        erp = self.bench.erp
        return UseCases(Context(erp, erp.events.append))

    def send(self, request: str = "", **values: Any) -> Delivery:
        """Queue a mail."""
        made = {"to": (Address(BUYER),), "subject": f"Quote {request}", "text": "Our quote."}
        message = OutgoingMail(**(made | values))
        sent = self.use_cases.mail.send(
            self.account, message, WORKER, request or secrets.token_hex(8), 0.0
        )
        assert isinstance(sent, Delivery), sent
        return sent

    def deliver(self) -> int:
        return self.use_cases.mail.run("deliver", self.account, 20.0, WORKER).done

    def look(self) -> int:
        return self.use_cases.mail.run("look", self.account, 20.0, WORKER).done

    def now(self, mail: Delivery) -> Delivery:
        return self.use_cases.mail.delivery(mail.id, WORKER)

    def taken(self, mail: Delivery) -> int:
        """How often the server accepted it."""
        submitted = self.bench.sim.tenant.submissions
        return sum(each.message_id == mail.message_id for each in submitted)

    def script(self, stage: Stage, reply: str | None = None, **values: Any) -> None:
        self.bench.sim.smtp_faults.add(SmtpFault(stage, reply, **values))

    def age(self, seconds: float) -> None:
        """Let time pass, for pauses and leases too."""
        age(self.bench.engine, seconds)

    def let_leases_pass(self) -> None:
        """Let what a killed worker held be free."""
        with writing(self.bench.engine) as connection:
            held = delivery.update().where(delivery.c.lease_until.is_not(None))
            connection.execute(held.values(lease_until=1))
            connection.execute(work.update().values(lease_until=1))
            connection.execute(connection_slot.delete())

    def end(self, mail: Delivery) -> Facts:
        """Let hours pass with other mail sent, and tell how the mail's story ends."""
        earlier = self.send(f"earlier {mail.id}")
        for number, seconds in enumerate((20, 60, 601, 1800)):
            self.deliver()
            if number == 1:
                self.send(f"later {mail.id}")
                self.deliver()
            self.age(seconds)
            open_paused(self.bench.engine)
            self.look()
        self.deliver()
        assert self.taken(earlier) == 1
        return self.told(mail)

    def told(self, mail: Delivery) -> Facts:
        """Tell a mail's state and how often it was accepted."""
        return {"state": str(self.now(mail).state), "accepted": self.taken(mail)}

    def rows(self) -> list[Any]:
        with reading(self.bench.engine) as connection:
            query = select(delivery).where(delivery.c.account_id == self.account)
            return list(connection.execute(query))


SENT_ONCE: Facts = {"state": "sent", "accepted": 1}

__all__ = ["BUYER", "OTHER", "SALES", "SENT_ONCE", "TIMES", "Outbox", "Stage"]
