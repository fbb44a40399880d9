"""What the tests of this folder run against: the simulator's mail servers, or real ones."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from servers import dovecot, postfix
from servers.backends import Backend, RealServers, SimulatedServers
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.running import running_dovecot, running_postfix
from support.erp import Erp

BACKENDS = ["simulator", "dovecot-postfix", "dovecot"]


@pytest.fixture(scope="session")
def dovecot_server(simulator) -> Iterator[Dovecot]:
    """One Dovecot for the whole session."""
    if reason := dovecot.missing():
        pytest.skip(reason)
    with running_dovecot(simulator) as running:
        yield running


@pytest.fixture(scope="session")
def postfix_server(simulator, dovecot_server: Dovecot) -> Iterator[Postfix]:
    """One Postfix for the whole session."""
    if reason := postfix.missing():
        pytest.skip(reason)
    with running_postfix(simulator, dovecot_server) as running:
        yield running


@pytest.fixture
def real_servers(sim, dovecot_server: Dovecot, postfix_server: Postfix) -> Iterator[RealServers]:
    """Dovecot and Postfix, with mailboxes as they are at first."""
    with closing(RealServers(sim, dovecot_server, postfix_server.port)) as servers:
        yield servers


@pytest.fixture(
    params=[
        pytest.param(name, marks=[] if name == "simulator" else pytest.mark.servers)
        for name in BACKENDS
    ]
)
def backend(request: pytest.FixtureRequest, sim) -> Iterator[Backend]:
    """The mail servers to test against."""
    if request.param == "simulator":
        yield SimulatedServers(sim)
    elif request.param == "dovecot-postfix":
        yield request.getfixturevalue("real_servers")
    else:
        server: Dovecot = request.getfixturevalue("dovecot_server")
        with closing(RealServers(sim, server, server.submission_port)) as servers:
            yield servers


@pytest.fixture
def erp_at(sim, settings_for) -> Callable[..., Erp]:
    """Return a function that makes a host with these mail servers; it signs in at the simulator."""

    def make(servers: Backend, **changes: Any) -> Erp:
        return Erp(settings_for(sim, **servers.places(), **changes))

    return make


@pytest.fixture
def erp(backend: Backend, erp_at: Callable[..., Erp]) -> Erp:
    return erp_at(backend)
