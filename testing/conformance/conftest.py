"""The hosts under test: two of them, as two databases of one process.

Imports are absolute here and in the tests: pytest may import them under another package name.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.testing.choice import chosen_host
from salesorder_m365.testing.running import Running, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salesorder_m365.simulator.simulator import Simulator


@pytest.fixture(scope="session")
def _hosts(
    request: pytest.FixtureRequest,
    m365_simulator_of_session: Simulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[Running]]:
    factory = chosen_host(request.config)
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                running(factory, m365_simulator_of_session, tmp_path_factory.mktemp(name))
            )
            for name in ("one", "other")
        ]
    dispose_engines()


@pytest.fixture
def erp(_hosts: list[Running]) -> Running:
    """Return the host under test."""
    return _hosts[0]


@pytest.fixture
def other(_hosts: list[Running]) -> Running:
    """Return the same ERP with another database, in the same process."""
    return _hosts[1]
