"""Fixtures that every part's tests share."""

import base64
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from salesorder_m365.schemas.settings import Settings, load_settings
from salesorder_m365.simulator.simulator import Simulator

BASE_URL, CALLBACK_PATH = "http://localhost:8365", "/oauth/callback"


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """One running stand-in for Microsoft 365 for the whole session."""
    with Simulator(redirect_uris=[BASE_URL + CALLBACK_PATH]) as running:
        yield running


@pytest.fixture
def sim(simulator: Simulator) -> Simulator:
    """The running stand-in as a new tenant would be, whatever the last test switched."""
    simulator.reset()
    return simulator


@pytest.fixture
def settings_values(tmp_path: Path) -> Callable[[Simulator], dict[str, str]]:
    """Return a function that gives the values of settings for a simulator, as an ini file would."""

    def values(sim: Simulator) -> dict[str, str]:
        return {
            "tenant": "contoso.test",
            "client_id": sim.registration.client_id,
            "client_secret": sim.registration.client_secret,
            "authority": sim.authority,
            "base_url": BASE_URL,
            "callback_path": CALLBACK_PATH,
            "database_url": f"sqlite:///{tmp_path}/m365.db",
            "key_ring": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
            "imap": f"localhost:{sim.imap_port}",
            "smtp": f"localhost:{sim.smtp_port}",
            "ca_file": str(sim.ca_file),
        }

    return values


@pytest.fixture
def settings_for(
    settings_values: Callable[[Simulator], dict[str, str]],
) -> Callable[..., Settings]:
    """Return a function that makes settings for a simulator; keywords change single ones."""

    def make(sim: Simulator, **changes: Any) -> Settings:
        values: dict[str, Any] = settings_values(sim) | changes
        return load_settings({name: value for name, value in values.items() if value is not None})

    return make


@pytest.fixture
def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
