"""One HTTP server in a thread of its own, on a socket that listens already."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Self

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    import socket
    from types import TracebackType

    from starlette.types import ASGIApp

#: How long a browser may take to send one whole request, in seconds.
REQUEST_SECONDS = 20.0


class PunctualProtocol(H11Protocol):
    """Closes a connection on which no whole request arrives in time.

    uvicorn limits only the wait between two requests: half a request would hold its connection for
    as long as the other side likes.
    """

    _deadline: asyncio.TimerHandle | None = None

    # A transport that writes, as uvicorn too narrows it.
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request."""
        self._expect()
        super().on_response_complete()

    def _expect(self) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()

    def _give_up(self) -> None:
        # DONE: the request is whole, and the page may take its time to answer.
        if self.conn.their_state is not h11.DONE:
            self.transport.close()


class HttpServer:
    """Serves an application from ``with`` to its end."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        self._listener = listener
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=PunctualProtocol,
                lifespan="off",
                ws="none",
                log_config=None,
                # The callback's query holds a code: it must stand in no log.
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )
        self._thread = threading.Thread(target=self._run, name="erp", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join(10)

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])
