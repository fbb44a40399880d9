"""Servers from Debian's packages as processes of ours: private directory, free port, own id."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

#: Seconds; each of them needs a fraction of one.
_START, _STOP, _KILL = 10.0, 2.0, 10.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class ServerProcess:
    """One server in the foreground. Subclasses write its configuration and give its command.

    The directory lies directly below the system's temporary one: a socket's path must be short,
    and the server's own users must reach it, as they do not reach pytest's.
    """

    name: str

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.directory.chmod(0o755)
        self.log = self.directory / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.started_in = 0.0

    def command(self) -> list[str]:
        """Write the configuration, and return what starts the server with it."""
        raise NotImplementedError

    def ports(self) -> list[int]:
        """Return the ports that answer once it has started."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Self:
        command = self.command()
        began = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # A group of its own is ended as a whole; it must not be that of the tests.
            start_new_session=True,
        )
        try:
            for port in self.ports():
                self._wait_for(port, began + _START)
        except BaseException:
            self.__exit__()
            raise
        self.started_in = time.perf_counter() - began
        return self

    def _wait_for(self, port: int, until: float) -> None:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError as err:
                if self._process is None or self._process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended at once:\n{self.said()}") from err
                if time.perf_counter() > until:
                    raise RuntimeError(f"{self.name} does not answer:\n{self.said()}") from err
                time.sleep(0.01)
            else:
                return

    def said(self) -> str:
        """Return the log's last lines."""
        text = self.log.read_text(errors="replace") if self.log.exists() else "(no log)"
        return "\n".join(text.splitlines()[-20:])

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._end(self._process)
        until = time.perf_counter() + _STOP
        while self.directory.exists() and time.perf_counter() < until:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """End it with its children, by the group's id.

        Dovecot alone would wait 6 seconds for them, as it does where it has hardly started.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP)
        # Children may outlive it, and write to the directory that is to be removed.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(_KILL)


def is_root() -> bool:
    return os.geteuid() == 0
