"""Where faulty mail servers are met: one account of a host, tested through the hook, and watched.

The ERP's own job tests: a person's press would renew the token each time.

Every fault is looked at in the same way; what is expected of all of them stands in `told`.
"""

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from salesorder_m365.schemas.permission import SYSTEM
from salesorder_m365.schemas.report import ConnectionReport, StageStatus
from support.loopback import Conversation, LoopbackServer

from . import mail_scripts as scripts
from .bench import Bench, Lab
from .figures import EXPOSED, LATE, note
from .mail_scripts import Script
from .registry import SQLITE, Facts, fault

#: Seconds: the deadline where it is to pass, and how much later a call may end.
WAIT, GRACE = 2.0, 1.0
_accounts: WeakKeyDictionary[Lab, str] = WeakKeyDictionary()


def told(finding: str, stage: str, **other: Any) -> dict[str, Any]:
    """Return what is expected: the finding and where it was made, and what holds for all."""
    return {
        "finding": finding,
        "stage": stage,
        "remedy": "told",
        "other protocol": "green",
        "late": "no",
        "token in the clear": "0 bytes",
        "left open": 0,
        "grant": "unchanged",
        "next call": "green",
        **other,
    }


def settle(bench: Bench, *, fresh: bool = False) -> None:
    """Give the bench a signed-in account; a `fresh` one has a refresh token that is still good."""
    if not fresh and bench.lab in _accounts:
        bench.account = _accounts[bench.lab]
    elif not fresh:
        _accounts[bench.lab] = bench.account
    # A token younger than a minute is not renewed when a server refuses it.
    assert bench.account  # made at its first use, which must not be inside a transaction
    bench.set_row(obtained_at=0)


def tested(erp: Any, bench: Bench) -> ConnectionReport:
    """Test the connection as the ERP's own job does."""
    report: ConnectionReport = erp.test(bench.account, worker=SYSTEM)
    return report


@dataclass
class Meeting:
    """One protocol's server is faulty; the other protocol's is the stand-in's."""

    bench: Bench
    protocol: str
    timeout: float = 5.0
    fresh: bool = False
    servers: list[LoopbackServer] = field(default_factory=list)
    #: Whether what the servers read came over TLS that the client could trust.
    trusted: bool = True

    def __post_init__(self) -> None:
        settle(self.bench, fresh=self.fresh)

    def serve(self, script: Script, context: ssl.SSLContext | None = None) -> int:
        """Start a server and return its port; without `context` TLS is the script's matter."""
        server = LoopbackServer(script, context)
        self.bench.stack.callback(server.close)
        self.servers.append(server)
        return server.port

    def serve_until(self, at: str, then: Script, context: ssl.SSLContext | None = None) -> int:
        """Start a server that is honest up to `at`, of this meeting's protocol."""
        context = context or scripts.good()
        if self.protocol == "imap":
            return self.serve(scripts.imap(at, then), context)
        return self.serve(scripts.smtp(at, then, context))

    def settings(self, port: int, host: str = "localhost") -> dict[str, Any]:
        """Return what leads the host to the faulty server."""
        return {
            self.protocol: f"{host}:{port}",
            "mail_timeout": self.timeout,
            "ca_file": str(self._authorities()),
        }

    def _authorities(self) -> Path:
        path = self.bench.lab.folder / "authorities.pem"
        path.write_bytes(self.bench.sim.ca_file.read_bytes() + scripts.authority().cert_pem.bytes())
        return path

    def tried(self, port: int, host: str = "localhost") -> dict[str, Any]:
        """Test the connection and return what was seen."""
        bench = self.bench
        kept, before = bench.kept(), _connections(port)
        erp = bench.host(**self.settings(port, host))
        began = time.monotonic()
        report = tested(erp, bench)
        late = note(LATE, max(0.0, time.monotonic() - began - self.timeout))
        return {
            "finding": " ".join(found.code for found in report.findings),
            "stage": self._stage(report),
            "remedy": _remedy(report),
            "other protocol": self._other(report),
            "late": "no" if late <= GRACE else f"{late:.1f} s",
            "token in the clear": f"{note(EXPOSED, self._exposed()):.0f} bytes",
            "left open": left_open(port, besides=before),
            "grant": _grant(bench, kept),
            "next call": "green" if tested(bench.erp, bench).passed else "FAILS",
        }

    def _stage(self, report: ConnectionReport) -> str:
        return " ".join(
            stage.name
            for stage in report.stages
            if stage.protocol == self.protocol and stage.status is StageStatus.FAILED
        )

    def _other(self, report: ConnectionReport) -> str:
        others = {stage.status for stage in report.stages if stage.protocol != self.protocol}
        return "green" if others == {StageStatus.PASSED} else "BROKEN"

    def _exposed(self) -> int:
        """Count the bytes of commands with credentials that anybody could have read."""
        return sum(len(line) for line in self.in_the_clear() if _is_sign_in(line))

    def in_the_clear(self) -> list[bytes]:
        return [line for one in self.conversations() for line in self._readable(one)]

    def _readable(self, one: Conversation) -> list[bytes]:
        """Return the lines of one connection that came over no TLS, or over one without trust."""
        if not (self.trusted and isinstance(one.sock, ssl.SSLSocket)):
            return one.lines
        return [] if self.protocol == "imap" else one.lines[: one.lines.index(b"STARTTLS")]

    def conversations(self) -> list[Conversation]:
        return [one for server in self.servers for one in server.conversations]

    def sign_ins(self) -> int:
        """Count how often a server was given a token."""
        return sum(_is_sign_in(line) for one in self.conversations() for line in one.lines)


def _is_sign_in(line: bytes) -> bool:
    return b"XOAUTH2" in line or b"AUTH" in line.upper().split() or len(line) > 500


def _remedy(report: ConnectionReport) -> str:
    whole = [found for found in report.findings if found.title and found.steps and found.actor]
    return "told" if report.findings and len(whole) == len(report.findings) else "MISSING"


def _grant(bench: Bench, kept: tuple[Any, ...]) -> str:
    """Return what became of the stored grant: only a renewal may have changed it."""
    if bench.kept() == kept:
        return "unchanged"
    row = bench.row()
    state = bench.erp.view(bench.account).state
    return "renewed" if state == "connected" and not row.refused else "LOST"


def left_open(port: int, *, besides: int = 0, seconds: float = 2.0) -> int:
    """Return how many of our connections to `port` are still open after so many seconds."""
    ends = time.monotonic() + seconds
    while (found := _connections(port) - besides) and time.monotonic() < ends:
        time.sleep(0.02)
    return found


def _connections(port: int) -> int:
    """Count the sockets that lead to `port`: established, or closed by the other side only."""
    table = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = (line.split() for line in table)
    return sum(row[2].endswith(f":{port:04X}") and row[3] in {"01", "02", "08"} for row in rows)


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Give a port where connections are asked for and never made: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def mail_fault(
    number: str, protocol: str, did: str, expected: Facts
) -> Callable[[Callable[[Bench], Facts]], Callable[[Bench], Facts]]:
    """Register a fault of one protocol. Mail knows no database: one is enough."""
    return fault(number, f"{protocol.upper()}: {did}", expected=expected, on=(SQLITE,))


@dataclass(frozen=True)
class Scripted:
    """A fault of a server that is honest up to an answer; `other` differs from what `told` says."""

    number: str
    did: str
    at: str
    then: Script = field(repr=False)
    finding: str
    stage: str
    timeout: float = 5.0
    context: Callable[[], ssl.SSLContext] = field(default=scripts.good, repr=False)
    other: Mapping[str, Any] = field(default_factory=dict)

    def register(self, protocol: str) -> None:
        """Put it into the table for one protocol."""
        expected = told(self.finding, self.stage, **self.other)

        @mail_fault(self.number, protocol, self.did, expected)
        def run(bench: Bench) -> Facts:
            meeting = Meeting(bench, protocol, timeout=self.timeout)
            meeting.trusted = self.context is scripts.good
            port = meeting.serve_until(self.at, self.then, self.context())
            return meeting.tried(port)
