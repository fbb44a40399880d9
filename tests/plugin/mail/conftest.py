"""An account that is signed in, and what its mail did, at the simulator."""

from dataclasses import dataclass, replace
from itertools import count

import pytest
from faults.postgres import NotInstalledError, Postgres
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.store.engines import engine_for, reading
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.mail_settings import MailSettings, MailTimes
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from support.erp import WORKER, Erp

NUMBERS = count(1)


@dataclass
class Office:
    """A host with one account: queues, delivers, looks."""

    erp: Erp
    sim: object
    account: str

    @property
    def use_cases(self):
        return UseCases(Context(self.erp, self.erp.events.append))

    @property
    def mail(self):
        return self.use_cases.mail

    @property
    def engine(self):
        return engine_for(self.erp.name, self.erp.settings.database_url)

    def message(self, **changes):
        made = OutgoingMail(
            to=(Address("buyer@fabrikam.example.com", "Buyer"),),
            subject="Quote 4711",
            text="Our quote.",
            document="quote:4711",
        )
        return replace(made, **changes)

    def send(self, request="quote-1", wait=0.0, **changes):
        return self.mail.send(self.account, self.message(**changes), WORKER, request, wait)

    def deliver(self, seconds=20.0):
        return self.mail.run("deliver", self.account, seconds, WORKER).done

    def look(self):
        return self.mail.run("look", self.account, 20.0, WORKER).done

    def now(self, delivery):
        return self.mail.delivery(delivery.id, WORKER)

    def rows(self, statement):
        with reading(self.engine) as connection:
            return connection.execute(statement).all()

    @property
    def taken(self):
        """The Message-IDs that the server took, in order, repetitions included."""
        return [each.message_id for each in self.sim.tenant.submissions]


@pytest.fixture(scope="session")
def postgres():
    try:
        with Postgres() as server:
            yield server
    except NotInstalledError as err:
        pytest.skip(str(err))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """The URL of an empty PostgreSQL database; None for SQLite, which the settings have anyway."""
    if request.param == "sqlite":
        return None
    return request.getfixturevalue("postgres").create(f"mail_{next(NUMBERS)}")


@pytest.fixture
def office(sim, settings_for, database):
    """Return a function that makes the office; `mail` changes its mail settings."""

    def make(times=1.0, **mail):
        settings = settings_for(sim, **({"database_url": database} if database else {}))
        table = MailTimes().scaled(times) if times != 1.0 else MailTimes()
        erp = Erp(replace(settings, mail=MailSettings(times=table, **mail)))
        return Office(erp, sim, erp.connected(sim))

    return make
