"""Fixtures of the plugin's tests: settings for the stand-in, and servers that play a script."""

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import trustme
from salesorder_m365.schemas.settings import Endpoint, Settings, load_settings
from support.loopback import Conversation, LoopbackServer

# How long an example takes says more about the machine's load than about the code.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the rotation be killed more often than a run of the whole suite has time for."""
    parser.addoption("--kills", type=int, default=10, help="kills of a key rotation (10)")


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority of the tests' own."""
    return trustme.CA(organization_name="Loopback tests")


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    """The PEM file of the tests' own authority."""
    path = tmp_path / "loopback-ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def play() -> Iterator[Callable[..., LoopbackServer]]:
    """Return a function that starts a server playing a script; all end with the test."""
    with ExitStack() as running:

        def start(script: Callable[[Conversation], None], context: Any = None) -> LoopbackServer:
            server = LoopbackServer(script, context)
            running.callback(server.close)
            return server

        yield start


@pytest.fixture
def scripted_settings(ca_file: Path) -> Callable[..., Settings]:
    """Return a function that makes settings for one scripted server on `port`."""

    def make(port: int, *, host: str = "localhost", **changes: Any) -> Settings:
        values = {
            "tenant": "contoso.test",
            "client_id": "00000000-0000-4000-8000-000000000001",
            "client_secret": "loopback",
            "base_url": "http://localhost:8365",
            "database_url": "sqlite:///unused.db",
            "key_ring": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
            "ca_file": str(ca_file),
            "mail_timeout": 5,
        }
        # Past the schema: a name that no DNS server has to be asked for is refused there.
        server = Endpoint(host=host, port=port)
        servers = {name: server for name in ("imap", "smtp") if name not in changes}
        return replace(load_settings(values | changes), **servers)

    return make
