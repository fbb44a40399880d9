"""The routes over a host with the simulator."""

from types import SimpleNamespace

import pytest
from support.erp import Erp
from support.mail_site import MAILBOX, Site, callback


@pytest.fixture
def site(sim, settings_for):
    return Site(Erp(settings_for(sim)))


@pytest.fixture
def kit(site, sim):
    """What most tests need: the site, its worker's browser, the way to Microsoft and back."""

    def back(visitor, address, mailbox=MAILBOX, **options):
        return callback(sim.sign_in(address, mailbox, **options))

    return SimpleNamespace(site=site, browser=site.visitor(), back=back, erp=site.erp)
