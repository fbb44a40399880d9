"""Look names up and connect, under the deadline in force. Only this module opens sockets."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
from collections import deque
from contextlib import ExitStack
from itertools import chain, zip_longest
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeAlias

from .deadline import DeadlineSocket, remaining

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What ``socket.getaddrinfo`` gives: family, type, protocol, canonical name, address.
Address: TypeAlias = tuple[int, int, int, str, Any]

#: RFC 8305, section 8: the next address is tried when the last has not answered for so long.
_HEAD_START = 0.25
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


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
