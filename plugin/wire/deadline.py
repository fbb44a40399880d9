"""One deadline for all that a thread does on the network, obeyed by every socket of ours.

A socket's own time-out counts per read: a peer that sends one byte a second holds a call for
ever. These sockets look at the deadline in force before every operation instead, so imaplib,
smtplib and urllib3 keep to it without knowing. What is received is counted too.

The overrides pass on whatever they are given: under gevent the base classes are gevent's, whose
methods take other arguments.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

#: Bytes that one operation may receive; a list of 20,000 folders takes 2 MB.
MAX_BYTES = 8 * 1024 * 1024
#: Linux delays acknowledgements by 40 ms, and many servers wait for one before they send the rest
#: of their answer (RFC 896). Other systems have no such option.
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
#: Seconds that a single socket operation gets where no deadline is in force.
LONE_OPERATION = 30.0


def _boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


#: A deadline holds by each of these clocks. On Linux the monotonic one stands still while the
#: machine is suspended; the boot-time clock goes on (clock_gettime(2)).
CLOCKS: tuple[Callable[[], float], ...] = (
    (time.monotonic, _boot_clock) if hasattr(time, "CLOCK_BOOTTIME") else (time.monotonic,)
)

_in_force: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


class TooMuchDataError(Exception):
    """The peer sent more than any honest answer holds; the connection must be closed.

    Not an OSError: smtplib and imaplib report those as a lost connection.
    """

    #: The finding in the catalogue.
    code = "too_much_data"


class Deadline:
    """A moment, and how many bytes may be received until then.

    `ends` is the moment by each of `CLOCKS`; the first one to reach it counts. It holds in the
    thread (context) that applies it; a new thread must apply one of its own. What is received
    under an inner deadline counts for the `outer` one too.
    """

    def __init__(
        self,
        ends: tuple[float, ...],
        *,
        max_bytes: int = MAX_BYTES,
        outer: Deadline | None = None,
    ) -> None:
        self.ends = ends
        self._bytes_left = max_bytes
        self._outer = outer

    @classmethod
    def lasting(cls, seconds: float, *, max_bytes: int = MAX_BYTES) -> Self:
        """Return a deadline `seconds` from now, whatever is in force."""
        return cls(tuple(clock() + seconds for clock in CLOCKS), max_bytes=max_bytes)

    @classmethod
    def after(cls, seconds: float, *, max_bytes: int = MAX_BYTES) -> Self:
        """Return a deadline `seconds` from now, or that in force if it ends earlier."""
        outer = _in_force.get()
        if outer is None:
            return cls.lasting(seconds, max_bytes=max_bytes)
        ends = tuple(
            min(clock() + seconds, end) for clock, end in zip(CLOCKS, outer.ends, strict=True)
        )
        return cls(ends, max_bytes=max_bytes, outer=outer)

    @property
    def left(self) -> float:
        """The seconds left, less than 0 once it has passed."""
        return min(end - clock() for end, clock in zip(self.ends, CLOCKS, strict=True))

    def remaining(self) -> float:
        """Return the seconds left; raise ``TimeoutError`` when there are none."""
        seconds = self.left
        if seconds <= 0:
            raise TimeoutError("The deadline has passed.")
        return seconds

    def count(self, received: int) -> None:
        """Take note of received bytes; raise ``TooMuchDataError`` beyond the cap."""
        self.expect(received)
        self._bytes_left -= received
        if self._outer is not None:
            self._outer.count(received)

    def expect(self, announced: int) -> None:
        """Raise ``TooMuchDataError`` if so many bytes as a peer announces would break the cap."""
        if announced > self._bytes_left:
            raise TooMuchDataError("The server sends more data than this operation may take.")

    @contextmanager
    def applied(self) -> Iterator[Self]:
        """Put the deadline in force for this thread until the block is left."""
        token = _in_force.set(self)
        try:
            yield self
        finally:
            _in_force.reset(token)


def bounded(seconds: float, *, max_bytes: int | None = None) -> AbstractContextManager[object]:
    """Return a block under the deadline in force, or under one of `seconds` where there is none.

    With `max_bytes` no more than these may be received in the block, in either case.
    """
    outer = _in_force.get()
    if outer is None:
        return Deadline.after(seconds, max_bytes=max_bytes or MAX_BYTES).applied()
    if max_bytes is None:
        return nullcontext()
    return Deadline(outer.ends, max_bytes=max_bytes, outer=outer).applied()


def remaining() -> float:
    """Return the seconds that the next operation may take; raise ``TimeoutError`` if none."""
    deadline = _in_force.get()
    return LONE_OPERATION if deadline is None else deadline.remaining()


def count(received: int) -> None:
    """Count received bytes against the deadline in force, if there is one."""
    deadline = _in_force.get()
    if deadline is not None:
        deadline.count(received)


def expect(announced: int) -> None:
    """Refuse an announced size that is too large, before memory is set aside for it."""
    (_in_force.get() or Deadline.after(LONE_OPERATION)).expect(announced)


def _prepare_to_read(sock: socket.socket) -> None:
    """Set the time-out, and ask for quick acknowledgements, which Linux forgets after each read."""
    sock.settimeout(remaining())
    if _QUICK_ACK is not None and sock.family in _INTERNET:
        sock.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)


class DeadlineSocket(socket.socket):
    """A plain socket that obeys the deadline in force: SMTP before STARTTLS, a proxy's CONNECT."""

    def recv(self, *args: Any, **options: Any) -> bytes:
        """Receive as ``socket.recv`` does."""
        _prepare_to_read(self)
        data = super().recv(*args, **options)
        count(len(data))
        return data

    def recv_into(self, *args: Any, **options: Any) -> int:
        """Receive as ``socket.recv_into`` does."""
        _prepare_to_read(self)
        received = super().recv_into(*args, **options)
        count(received)
        return received

    def send(self, *args: Any, **options: Any) -> int:
        """Send as ``socket.send`` does."""
        self.settimeout(remaining())
        return super().send(*args, **options)

    def sendall(self, *args: Any, **options: Any) -> None:
        """Send as ``socket.sendall`` does, whose time-out is for the whole of it."""
        self.settimeout(remaining())
        super().sendall(*args, **options)


class DeadlineSSLSocket(ssl.SSLSocket):
    """A TLS socket that obeys the deadline in force; ``recv`` and ``sendall`` end in these methods.

    OpenSSL's calls keep the time-out as a whole over many packets, so a peer that dribbles
    single bytes of a record gains nothing.
    """

    def do_handshake(self, *args: Any, **options: Any) -> None:
        """Shake hands as ``SSLSocket.do_handshake`` does."""
        _prepare_to_read(self)
        super().do_handshake(*args, **options)

    def read(self, *args: Any, **options: Any) -> Any:
        """Read as ``SSLSocket.read`` does: bytes, or their number if there is a buffer."""
        _prepare_to_read(self)
        got: Any = super().read(*args, **options)
        count(got if isinstance(got, int) else len(got))
        return got

    def write(self, *args: Any, **options: Any) -> int:
        """Write as ``SSLSocket.write`` does."""
        self.settimeout(remaining())
        return super().write(*args, **options)

    def send(self, *args: Any, **options: Any) -> int:
        """Send as ``SSLSocket.send`` does."""
        self.settimeout(remaining())
        return super().send(*args, **options)
