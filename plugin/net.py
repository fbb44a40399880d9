"""Names, connections and TLS, all under the deadline in force. The one place that makes them."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import ssl
import threading
from collections import deque
from contextlib import ExitStack, nullcontext
from functools import lru_cache
from itertools import chain, zip_longest
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from .deadline import DeadlineSocket, DeadlineSSLSocket, remaining

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    import requests

    Rung: TypeAlias = Callable[[str], AbstractContextManager[None]]

#: What ``socket.getaddrinfo`` gives: family, type, protocol, canonical name, address.
Address: TypeAlias = tuple[int, int, int, str, Any]

#: RFC 8305, section 8: the next address is tried when the last has not answered for so long.
_HEAD_START = 0.25
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


def no_rung(_stage: str) -> AbstractContextManager[None]:
    """Watch nothing: for callers that do not report a connection's stages."""
    return nullcontext()


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context of every TLS connection: certificate and host name verified, TLS 1.2 up.

    With `ca_file` (PEM) only its authorities are trusted, else those of the system.
    """
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineSSLSocket
    return context


def mail_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return `tls_context` for mail servers, made anew when the authorities' file has changed.

    Reading the system's authorities takes 20 ms of a processor, too long for each connection. HTTP
    keeps contexts of its own, for urllib3 changes what it is given.
    """
    return _kept_context(ca_file, _changed_at(ca_file))


@lru_cache(maxsize=8)
def _kept_context(ca_file: Path | None, _changed_at: int) -> ssl.SSLContext:
    return tls_context(ca_file)


def _changed_at(ca_file: Path | None) -> int:
    """Return when the authorities were changed, in nanoseconds; 0 where that is not known."""
    system = ssl.get_default_verify_paths()
    try:
        return Path(ca_file or system.cafile or system.capath or "").stat().st_mtime_ns
    except OSError:
        return 0


def resolve(
    host: str, port: int, *, lookup: Callable[..., Sequence[Address]] = socket.getaddrinfo
) -> list[Address]:
    """Look a name up; raise ``socket.gaierror``, or ``TimeoutError`` at the deadline.

    A resolver cannot be interrupted: past the deadline its thread is left behind, and ends by
    itself when the resolver gives up.
    """
    answers: SimpleQueue[Sequence[Address] | BaseException] = SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(lookup(host, port, type=socket.SOCK_STREAM))
        except Exception as err:  # noqa: BLE001 - handed to the caller's thread
            answers.put(err)

    seconds = remaining()
    threading.Thread(target=look_up, name="m365-name", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"No answer to the question for the name {host}.") from None
    if isinstance(answer, UnicodeError):
        # The idna codec's complaint: such a label cannot exist in the DNS.
        raise socket.gaierror(socket.EAI_NONAME, f"{host} is not a host's name.") from answer
    if isinstance(answer, BaseException):
        raise answer
    return list(answer)


def connect(addresses: Sequence[Address]) -> DeadlineSocket:
    """Connect to the first address that answers (RFC 8305); raise ``OSError`` if none does.

    The addresses are tried side by side, each begun a quarter of a second after the last, so
    that one without a route (IPv6 that leads nowhere) costs no more than that.
    """
    waiting = deque(_families_in_turn(addresses))
    failures: list[OSError] = []
    with ExitStack() as losers, selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            if waiting:
                _begin(waiting.popleft(), selector, losers, failures)
            seconds = min(remaining(), _HEAD_START) if waiting else remaining()
            for key, _ in selector.select(seconds if selector.get_map() else 0):
                selector.unregister(key.fileobj)
                winner: DeadlineSocket = key.data
                code = winner.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    return _made(winner, losers)
                failures.append(OSError(code, os.strerror(code)))
    # A refusal says more than an address family without a route.
    raise next((err for err in failures if err.errno not in _NO_ROUTE), None) or (
        failures[0] if failures else OSError(errno.EADDRNOTAVAIL, "The name has no address.")
    )


def secure(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Shake hands; raise ``ssl.SSLError`` or ``OSError``. `sock` is used up in either case."""
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def http_session(context: ssl.SSLContext, *, proxy: str | None) -> requests.Session:
    """Return a session for Microsoft's endpoints; `proxy` is an address or None for none."""
    from .http_session import DeadlineSession  # noqa: PLC0415 - requests is loaded at first use

    return DeadlineSession(context, proxy=proxy)


def _families_in_turn(addresses: Sequence[Address]) -> list[Address]:
    """Return the addresses with the families taking turns, the first one's family first."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    pairs = chain.from_iterable(zip_longest(first, others))
    return [address for address in pairs if address is not None]


def _begin(
    address: Address,
    selector: selectors.BaseSelector,
    losers: ExitStack,
    failures: list[OSError],
) -> None:
    family, kind, protocol, _, where = address
    try:
        sock = losers.enter_context(DeadlineSocket(family, kind, protocol))
        sock.setblocking(False)  # noqa: FBT003 - socket's signature
        code = sock.connect_ex(where)
    except OSError as err:
        failures.append(err)
        return
    if code in {0, errno.EINPROGRESS, errno.EWOULDBLOCK}:
        selector.register(sock, selectors.EVENT_WRITE, sock)
    else:
        failures.append(OSError(code, os.strerror(code)))


def _made(winner: DeadlineSocket, losers: ExitStack) -> DeadlineSocket:
    """Close all sockets but the winner."""
    kept = losers.pop_all()
    with kept:
        sock = DeadlineSocket(winner.family, winner.type, winner.proto, fileno=winner.detach())
    sock.setblocking(True)  # noqa: FBT003 - socket's signature
    # Commands are short and each waits for its answer: Nagle's algorithm would only delay them.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock
