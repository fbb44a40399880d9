"""Fixtures that every part's tests share."""

from collections.abc import Iterator

import pytest
from salesorder_m365.simulator.simulator import Simulator

REDIRECT_URI = "http://localhost:8365/oauth/callback"


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """One running stand-in for Microsoft 365 for the whole session."""
    with Simulator(redirect_uris=[REDIRECT_URI]) as running:
        yield running


@pytest.fixture
def sim(simulator: Simulator) -> Iterator[Simulator]:
    """The running stand-in as a new tenant would be; whatever a test switches is undone."""
    simulator.reset()
    yield simulator
    simulator.reset()
