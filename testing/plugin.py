"""The pytest plugin: an option and fixtures. Every pytest run loads it, so it imports nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .option import OPTION, SUITE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..hooks import Host
    from ..schemas.settings import Settings
    from ..schemas.view import AccountView
    from ..simulator.simulator import Simulator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the host that the conformance suite is run against."""
    group = parser.getgroup("salesorder-m365", "Microsoft 365 mail accounts of a host")
    group.addoption(
        OPTION,
        metavar="MODULE:NAME",
        help=f"what makes the host under test for {SUITE}, such as my_erp.testing:host",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the host before any test is looked for: one clear error, with xdist's workers too."""
    if any(argument.startswith(SUITE) for argument in config.args):
        from .choice import chosen_host  # noqa: PLC0415

        chosen_host(config)


@pytest.fixture(scope="session")
def m365_simulator_of_session() -> Iterator[Simulator]:
    """Give one stand-in for Microsoft 365, on free ports of loopback, for the whole session."""
    try:
        from ..simulator.simulator import Simulator  # noqa: PLC0415 - see the module's docstring
    except ModuleNotFoundError as err:
        pytest.fail(
            f"The simulator needs {err.name}: pip install 'salesorder-m365[testing]'", pytrace=False
        )
    with Simulator() as running:
        yield running


@pytest.fixture
def m365_simulator(m365_simulator_of_session: Simulator) -> Iterator[Simulator]:
    """Give the stand-in as a new tenant is; what a test switches is undone after it."""
    yield m365_simulator_of_session
    m365_simulator_of_session.reset()


@pytest.fixture
def m365_settings(m365_simulator: Simulator, tmp_path: Path) -> Iterator[Callable[..., Settings]]:
    """Return a function that makes settings for the simulator; keywords change single ones."""
    from ..plugin.store.engines import dispose_engines  # noqa: PLC0415
    from .places import settings_for  # noqa: PLC0415

    def make(**changes: Any) -> Settings:
        return settings_for(m365_simulator, tmp_path, **changes)

    yield make
    dispose_engines()


@pytest.fixture
def m365_host(m365_settings: Callable[..., Settings]) -> Host:
    """Return the host of `m365_account` and `m365_fault`. Override it with your own."""
    from .accounts import KitHost  # noqa: PLC0415

    return KitHost(m365_settings())


@pytest.fixture
def m365_worker() -> str:
    """Return the worker of `m365_account`. Override it with one whom your host allows that."""
    return "worker"


@pytest.fixture
def m365_account(m365_host: Host, m365_simulator: Simulator, m365_worker: str) -> AccountView:
    """Return an account of `m365_host` that is signed in as sales@contoso.test."""
    from .accounts import sign_in_account  # noqa: PLC0415

    return sign_in_account(m365_host, m365_simulator, m365_worker)


@pytest.fixture
def m365_fault(m365_host: Host, m365_simulator: Simulator) -> Callable[[str], None]:
    """Return a function that lets a fault begin, by its name in `testing.faults.Fault`."""
    from .faults import bring_about  # noqa: PLC0415

    return lambda fault: bring_about(fault, m365_simulator, m365_host)
