"""The laboratory of the session: one simulator, one PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from faults.bench import Lab
from salesorder_m365.simulator.simulator import Simulator
from support.loopback import Conversation, LoopbackServer


@pytest.fixture(scope="session")
def lab(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(simulator, tmp_path_factory.mktemp("faults"))
    yield lab
    lab.close()


@pytest.fixture
def play() -> Iterator[Callable[..., LoopbackServer]]:
    """Return a function that starts a server playing a script; all end with the test."""
    with ExitStack() as running:

        def start(script: Callable[[Conversation], None]) -> LoopbackServer:
            server = LoopbackServer(script)
            running.callback(server.close)
            return server

        yield start
