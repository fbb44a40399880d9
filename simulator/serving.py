"""One thread with one event loop that all of the simulator's servers share."""

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from typing import Any, TypeVar

T = TypeVar("T")
HOST = "127.0.0.1"
_STOP_SECONDS = 10


class PortInUse(OSError):  # noqa: N818 - says all that is to say
    """Another program listens on the port that was asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} on {HOST} is in use; stop what uses it or choose another")
        self.port = port


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def hush(*loggers: str) -> None:
    """Let these say warnings only: at DEBUG they tell tokens, whatever level a program sets."""
    for name in loggers:
        logging.getLogger(name).addFilter(_is_warning)


def listen(port: int, stack: ExitStack) -> socket.socket:
    """Return a socket listening on loopback; port 0 takes a free one. Raises PortInUse."""
    # A socket of protocol 0 makes asyncio skip TCP_NODELAY: 44 ms a request instead of 2.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    stack.callback(listener.close)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)
    except OSError as err:
        raise PortInUse(port) from err
    return listener


async def stop_accepting(server: asyncio.Server) -> None:
    """Close a server's listeners, and no connection on its way in falls between two stools.

    asyncio accepts in one step and makes the transport in the next; where the server is closed
    in between, the transport fails half made and its socket stays open (CPython 3.11).
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    await asyncio.sleep(0)
    server.close()


async def _close_leftovers(loop: asyncio.AbstractEventLoop) -> None:
    """Close connections that were accepted so late that no server knows them yet."""
    # asyncio has no public list of its transports; a connection without its TLS handshake is
    # known to nobody else.
    for transport in list(getattr(loop, "_transports", {}).values()):
        transport.abort()
    await asyncio.sleep(0.01)


class Loop:
    """Runs the servers in a thread of its own until `stop()`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self, main: Callable[[AsyncExitStack], Awaitable[None]]) -> None:
        """Run `main`, which starts servers and leaves their ends on the stack."""

        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            async with AsyncExitStack() as stack:
                await main(stack)
                self._ready.set()
                await self._stop.wait()
            await _close_leftovers(self._loop)

        def run() -> None:
            try:
                asyncio.run(serve())
            except BaseException as err:  # noqa: BLE001 - raised again in start()
                self._failure = err
                self._ready.set()

        self._thread = threading.Thread(target=run, name="m365-simulator", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the servers' thread and wait for what it returns."""
        if self._loop is None:
            coroutine.close()
            raise RuntimeError("The simulator is not running")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_STOP_SECONDS)

    def stop(self) -> None:
        """End the servers and their thread."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_STOP_SECONDS)
        self._thread = self._loop = None
