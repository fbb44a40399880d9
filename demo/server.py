"""The demo as a whole: the simulator, the host over it, and how a person starts and stops both."""

from __future__ import annotations

import logging
import sqlite3
import sys
import threading
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from ..hooks import create_manager
from ..plugin.errors import M365Error
from ..schemas.settings import load_settings
from ..simulator import command
from ..simulator.serving import PortInUse, listen
from ..simulator.simulator import Simulator
from .erp.database import Database
from .erp.host import DemoHost
from .erp.scheduler import Scheduler
from .erp.state import FolderInUseError, StateFolder
from .erp.workers import PASSWORD, WORKERS
from .pages.app import build_app
from .serving import HttpServer

if TYPE_CHECKING:
    from types import TracebackType

    from ..schemas.settings import Settings

PORT = 8365
CALLBACK_PATH = "/mail/m365/callback"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where everything listens; 0 takes a free port."""

    host: int = PORT
    browser: int = command.BROWSER_PORT
    tls: int = command.PORT
    imap: int = command.IMAP_PORT
    smtp: int = command.SMTP_PORT

    @classmethod
    def beside(cls, port: int) -> Self:
        """Return the ports of a demo at `port`: all move along, so that two can run at once."""
        moved = port - PORT
        return cls(**{field.name: getattr(cls, field.name) + moved for field in fields(cls)})


class Demo:
    """Simulator and host, running from ``with`` to its end. `url` and `host` are there then."""

    url: str
    host: DemoHost
    simulator: Simulator

    def __init__(self, state_dir: Path, ports: Ports) -> None:
        self._state = StateFolder(state_dir)
        self._ports = ports
        self._running = ExitStack()

    def __enter__(self) -> Self:
        """Start. Raises PortInUse, naming the port, and FolderInUseError."""
        with ExitStack() as stack:
            stack.enter_context(self._state.alone())
            listener = listen(self._ports.host, stack)
            self.url = f"http://localhost:{listener.getsockname()[1]}"
            self.simulator = stack.enter_context(self._simulator())
            self.host = self._host()
            app = build_app(self.host, panel=self.simulator.browser_url)
            stack.enter_context(HttpServer(app, listener))
            stack.enter_context(Scheduler(self.host))
            self._running = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    def _simulator(self) -> Simulator:
        return Simulator(
            state_dir=self._state.path / "simulator",
            redirect_uris=[self.url + CALLBACK_PATH],
            port=self._ports.tls,
            browser_port=self._ports.browser,
            imap_port=self._ports.imap,
            smtp_port=self._ports.smtp,
        )

    def _host(self) -> DemoHost:
        new = not self._state.database.exists()
        database = Database(self._state.database)
        host = DemoHost(
            settings=self._settings(database),
            plugins=create_manager(),
            database=database,
            session_key=self._state.session_key(),
        )
        host.quotes.add()
        if new:
            host.generics.add()
        return host

    def _settings(self, database: Database) -> Settings:
        simulator = self.simulator
        return load_settings(
            {
                "tenant": simulator.tenant.id,
                "client_id": simulator.registration.client_id,
                "client_secret": simulator.registration.client_secret,
                "authority": simulator.authority,
                "imap": f"localhost:{simulator.imap_port}",
                "smtp": f"localhost:{simulator.smtp_port}",
                "ca_file": str(simulator.ca_file),
                "base_url": self.url,
                "callback_path": CALLBACK_PATH,
                "mail_domains": simulator.tenant.domain,
                "database_url": database.url,
                "key_ring": self._state.key_ring(),
            }
        )


def run(port: int = PORT, state_dir: Path = Path(".demo")) -> int:
    """Run the demo until Ctrl-C; return the exit status."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    try:
        with Demo(state_dir, Ports.beside(port)) as demo:
            _say(_banner(demo, state_dir))
            threading.Event().wait()
    except KeyboardInterrupt:
        _say("\nStopped.")
    except (OSError, sqlite3.Error, M365Error) as err:
        _say(f"The demo cannot start: {_why(err, port)}", sys.stderr)
        return 1
    return 0


def _why(err: Exception, port: int) -> str:
    other = 9000 if port != 9000 else 9400
    if isinstance(err, FolderInUseError):
        return (
            f"another demo is running on the folder {err.folder}. Use that one, stop it, or give"
            f" this one a folder and ports of its own: --state .demo-2 --port {other}"
        )
    if not isinstance(err, PortInUse):
        return str(err)
    return (
        f"port {err.port} is in use. Stop the program that uses it, or let the demo use other"
        f" ports: make demo PORT={other} (or --port {other})"
    )


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout, flush=True)


def _banner(demo: Demo, state_dir: Path) -> str:
    workers = "\n                     ".join(
        f"{worker.name}  {worker.role.lower()}" for worker in WORKERS.values()
    )
    return f"""
  The demo is running.

    ERP              {demo.url}
    Log in as        {workers}
    Password         {PASSWORD}, for everybody, at the simulator too
    Simulator panel  {demo.simulator.browser_url}

  All of it stays on this computer, in the folder {state_dir}. Press Ctrl-C to stop.
"""
