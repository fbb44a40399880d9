"""The bench on which one fault is tried: the stand-in, one database, an account that is signed in.

A laboratory makes benches; it lives as long as the simulator and PostgreSQL do.
"""

import base64
import hashlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.store import grants
from salesorder_m365.plugin.store.clock import database_now
from salesorder_m365.plugin.store.engines import engine_for, reading, writing
from salesorder_m365.plugin.store.grants import GrantRow
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.plugin.vault.renewal import Vault
from salesorder_m365.simulator.identity.faults import TokenFault
from salesorder_m365.simulator.simulator import Simulator
from support.any_server import settings_with_any_server
from support.erp import Erp

from .postgres import Postgres
from .proxy import FaultProxy
from .registry import SQLITE

SALES, CALLBACK = "sales@contoso.test", "/oauth/callback"
BASE_URL = "http://localhost:8365"
TESTS = Path(__file__).parent.parent
#: The columns that no fault may change by itself.
_KEPT = ("access_token", "msal_cache", "token_version", "refused", "claims", "expires_at")


@dataclass(frozen=True)
class Answer:
    """What a worker got: a token (as a digest) or an error's name."""

    kind: str
    token: str = ""
    error: BaseException | None = None
    seconds: float = 0.0


class Lab:
    """The simulator, PostgreSQL if it is installed, and a folder."""

    def __init__(self, sim: Simulator, folder: Path) -> None:
        self.sim, self.folder = sim, folder
        self.key_ring = another_key("k1")
        self._running = ExitStack()
        self._urls: dict[str, str] = {}

    def close(self) -> None:
        """End what was started."""
        self._running.close()

    @cached_property
    def postgres(self) -> Postgres:
        """The running PostgreSQL. Raises NotHereError."""
        return self._running.enter_context(Postgres())

    @cached_property
    def workers(self) -> "Workers":
        """The parent of the worker processes."""
        workers = Workers(Path(self._running.enter_context(TemporaryDirectory(prefix="m365-"))))
        self._running.callback(workers.close)
        return workers

    def url(self, database: str) -> str:
        """Return the URL of the database that the benches of one kind share.

        Raises NotHereError.
        """
        if database not in self._urls:
            self._urls[database] = self.new_url(database)
        return self._urls[database]

    def new_url(self, database: str) -> str:
        """Return the URL of a database that nobody has used."""
        name = f"m365_{secrets.token_hex(4)}"
        if database == SQLITE:
            return f"sqlite:///{self.folder}/{name}.db"
        return self.postgres.create(name)

    @contextmanager
    def bench(self, database: str) -> Iterator["Bench"]:
        """Give a bench for one fault."""
        # Not all of sim.reset(), which makes every mailbox again: no fault here is about mail.
        self.sim.faults.clear()
        self.sim.requests.clear()
        self.sim.tenant.policies.reset()
        self.sim.tenant.withdraw_consent()
        with ExitStack() as stack:
            yield Bench(self, database, self.url(database), stack)


@dataclass
class Bench:
    """One account on one database, and what is needed to ask for its token."""

    lab: Lab
    database: str
    url: str
    stack: ExitStack = field(repr=False)
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def sim(self) -> Simulator:
        """The stand-in for Microsoft 365."""
        return self.lab.sim

    def values(self, **changes: Any) -> dict[str, Any]:
        """Return settings as plain values."""
        return {
            "tenant": "contoso.test",
            "client_id": self.sim.registration.client_id,
            "client_secret": self.sim.registration.client_secret,
            "authority": self.sim.authority,
            "base_url": BASE_URL,
            "callback_path": CALLBACK,
            "database_url": self.url,
            "key_ring": self.lab.key_ring,
            "imap": f"localhost:{self.sim.imap_port}",
            "smtp": f"localhost:{self.sim.smtp_port}",
            "ca_file": str(self.sim.ca_file),
            "http_timeout": 5,
            **self.changes,
            **changes,
        }

    def host(self, **changes: Any) -> Erp:
        """Return a host; each is a worker of its own as far as the vault can tell."""
        return Erp(settings_with_any_server(self.values(**changes)), name=f"faults {self.database}")

    @cached_property
    def erp(self) -> Erp:
        return self.host()

    @cached_property
    def account(self) -> str:
        """An account that is signed in."""
        return self.connected(self.erp)

    def connected(self, erp: Erp) -> str:
        """Return a new account that is signed in."""
        name = secrets.token_hex(6)
        account: str = erp.connected(
            self.sim, request_id=name, account_name=name, sender_email=SALES
        )
        return account

    def vault(self, erp: Erp | None = None) -> Vault:
        host = erp or self.erp
        return UseCases(
            Context(host, lambda event: host.hook.salesorder_event(host=host, event=event))
        ).vault

    def ask(self, erp: Erp | None = None, *, rejected: str | None = None) -> Answer:
        """Ask for the account's token as a worker of the host does."""
        began = time.monotonic()
        try:
            token = self.vault(erp).token(self.account, rejected=rejected)
        except M365Error as err:
            answer = Answer(type(err).__name__, error=err)
        except Exception as err:  # what a fault must never let through
            answer = Answer(f"TRACEBACK {type(err).__name__}: {err}", error=err)
        else:
            answer = Answer("token", digest(token.secret))
        seconds = time.monotonic() - began
        return Answer(answer.kind, answer.token, answer.error, seconds)

    def asking(self, erp: Erp | None = None) -> "Call":
        """Ask in a thread of its own."""
        return Call(lambda: self.ask(erp))

    @property
    def posts(self) -> int:
        """How often the token endpoint was asked for a renewal."""
        return self.sim.count(grant_type="refresh_token")

    def row(self) -> GrantRow:
        return self._row_of(self.account)

    def another_row(self) -> GrantRow:
        """Return the row of another account."""
        return self._row_of(self.connected(self.erp))

    def _row_of(self, account: str) -> GrantRow:
        with reading(self.engine) as connection:
            row = grants.read_grant(connection, account)
        assert row is not None
        return row

    @property
    def engine(self) -> Any:
        return engine_for(self.erp.name, self.erp.settings.database_url)

    def stored(self) -> str:
        """Return the digest of the token in the row; it must open."""
        return digest(self.row().open_token(KeyRing(self.erp.settings.key_ring)))

    def against_stored(self, answer: Answer) -> dict[str, Any]:
        """Return what a worker got, beside the token that is stored."""
        it_is = "the stored one" if answer.token == self.stored() else "ANOTHER"
        return {"answer": answer.kind, "POSTs": self.posts, "it is": it_is}

    def kept(self) -> tuple[Any, ...]:
        """Return what a fault must leave unchanged."""
        row = self.row()
        return tuple(getattr(row, name) for name in _KEPT)

    def close(self) -> None:
        """Close the connections to a database of the bench's own."""
        self.engine.dispose()

    def set_row(self, **values: Any) -> None:
        with writing(self.engine) as connection:
            connection.execute(
                grant.update().where(grant.c.account_id == self.account).values(**values)
            )

    def expire(self, *, left: int = -1) -> None:
        """Let the access token run out in `left` seconds, by the database's clock."""
        self.set_row(expires_at=int(self.row().read_at) + left, not_before=0)

    def let_backoff_pass(self) -> None:
        self.set_row(not_before=0)

    def let_lease_pass(self, *, left: float = -1.0) -> None:
        """Let the lease, if there is one, run out in `left` seconds."""
        with writing(self.engine) as connection:
            connection.execute(
                grant.update()
                .where(grant.c.account_id == self.account, grant.c.lease_owner.is_not(None))
                .values(lease_until=database_now() + left)
            )

    def script(self, **values: Any) -> None:
        """Script the token endpoint's next answer to a renewal."""
        self.sim.faults.add(TokenFault(**{"grant_type": "refresh_token", **values}))

    def await_posts(self, count: int) -> None:
        """Wait until the token endpoint has been asked so often."""
        await_true(lambda: self.posts >= count, f"{count} POSTs")

    def proxy(self) -> FaultProxy:
        return self.stack.enter_context(FaultProxy())

    def worker(self, **job: Any) -> "Worker":
        """Let another process do `job`; see `worker`."""
        job = {"settings": self.values(), "name": self.erp.name, **job}
        return self.stack.enter_context(self.lab.workers.start(job))


def another_key(key_id: str) -> str:
    """Return a new key as the setting key_ring has it."""
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:16]


def await_true(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise TimeoutError(f"Waited in vain for {what}.")
        time.sleep(0.01)


class Call:
    """A call in a thread."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._function = function
        self._result: Any = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._result = self._function()

    def result(self, seconds: float = 40.0) -> Any:
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the call has not ended"
        return self._result


class Worker:
    """A worker process with a job; it reports in lines of JSON."""

    def __init__(self, address: Path, job: dict[str, Any]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(address))
        self._lines = self._socket.makefile("r")
        self._ended = False
        self.pid: int = self.report()["pid"]
        self._socket.sendall(json.dumps(job).encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._lines.close()
        self._socket.close()

    def go(self) -> None:
        """Let those that wait for it begin."""
        self._socket.shutdown(socket.SHUT_WR)

    def report(self) -> dict[str, Any]:
        """Return the next line; {} at the end."""
        line = self._lines.readline()
        self._ended = not line
        found: dict[str, Any] = json.loads(line) if line else {}
        return found

    def reports(self) -> list[dict[str, Any]]:
        """Return all lines to the end."""
        return list(iter(self.report, {}))

    def kill(self) -> bool:
        """End it and what it forked with SIGKILL, by its id, and wait until all have gone.

        Return whether it had come to its end before.
        """
        if self._ended:
            return True
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return {"at": "end"} in self.reports()


class Workers:
    """Starts worker processes: one process that has all imported forks them; see `worker`."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "workers"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.worker", str(self._address)],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the workers' parent did not start"

    def start(self, job: dict[str, Any]) -> Worker:
        return Worker(self._address, job)

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(10)
