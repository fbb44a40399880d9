"""What the benchmarks run on: the tests' servers, each started when first asked for; the plan."""

import base64
import os
import tempfile
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from faults.postgres import Postgres
from salesorder_m365.schemas.settings import Settings, load_settings
from salesorder_m365.simulator.simulator import Simulator
from servers.backends import RealServers
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.relay import relay
from support.erp import Erp

BASE_URL, CALLBACK_PATH = "http://localhost:8365", "/oauth/callback"
MAILBOX = "sales@contoso.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How large and how often; times are in seconds."""

    startup_turns: int = 25
    token_sizes: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    cache_sizes: tuple[int, ...] = (10, 100, 1_000, 10_000)
    token_turns: int = 15
    grants: int = 1_000
    grants_at_a_time: int = 200
    round_trips: tuple[float, ...] = (0.02, 0.05, 0.1)
    connection_turns: int = 7
    folder_sizes: tuple[int, ...] = (10, 1_000, 10_000)
    folder_turns: int = 9
    hook_turns: int = 25
    mailboxes: int = 500
    mailboxes_in_a_row: int = 15
    processes: int = 8


QUICK = Plan(
    startup_turns=3,
    token_sizes=(10, 1_000),
    cache_sizes=(10, 1_000),
    token_turns=3,
    grants=40,
    grants_at_a_time=40,
    round_trips=(0.02,),
    connection_turns=3,
    folder_sizes=(10, 1_000),
    folder_turns=3,
    hook_turns=3,
    mailboxes=20,
    mailboxes_in_a_row=3,
    processes=4,
)


class World:
    """The servers, in this process or below it; they end with the `with` block."""

    def __init__(self) -> None:
        self._running = ExitStack()

    def __enter__(self) -> Self:
        folder = self._running.enter_context(tempfile.TemporaryDirectory(prefix="m365-bench-"))
        self.folder = Path(folder)
        self.keys = f"k1:{base64.b64encode(os.urandom(32)).decode()}"
        return self

    def __exit__(self, *error: object) -> None:
        self._running.close()

    @cached_property
    def sim(self) -> Simulator:
        """The stand-in for Microsoft 365: sign-in and token endpoint."""
        return self._running.enter_context(Simulator(redirect_uris=[BASE_URL + CALLBACK_PATH]))

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL that keeps what it commits, as one in earnest does."""
        return self._running.enter_context(Postgres(durable=True))

    @cached_property
    def mail(self) -> RealServers:
        """Dovecot and Postfix."""
        behind = self._running.enter_context(closing(relay()))
        dovecot = self._running.enter_context(
            Dovecot(
                server_pem=self.sim.server_pem,
                public_key=self.sim.public_key_pem,
                issuer=f"https://sts.windows.net/{self.sim.tenant.id}/",
                relay_port=behind.port,
            )
        )
        postfix = self._running.enter_context(
            Postfix(server_pem=self.sim.server_pem, sasl_socket=dovecot.sasl_socket)
        )
        return RealServers(self.sim, dovecot, postfix.port)

    def values(self, name: str, **changes: Any) -> dict[str, Any]:
        """Return plain settings, which other processes can load; SQLite unless changed."""
        return {
            "tenant": "contoso.test",
            "client_id": self.sim.registration.client_id,
            "client_secret": self.sim.registration.client_secret,
            "authority": self.sim.authority,
            "base_url": BASE_URL,
            "callback_path": CALLBACK_PATH,
            "database_url": f"sqlite:///{self.folder}/{name}.db",
            "key_ring": self.keys,
            "ca_file": str(self.sim.ca_file),
        } | changes

    def settings(self, name: str, **changes: Any) -> Settings:
        """Return settings."""
        return load_settings(self.values(name, **changes))

    def erp(self, name: str, **changes: Any) -> Erp:
        """Return a host with a database of its own."""
        return Erp(self.settings(name, **changes), name=name)
