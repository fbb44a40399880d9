"""The two HTTP listeners, run by uvicorn in the simulator's event loop."""

import asyncio
import logging
import socket
from pathlib import Path

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from .requests_log import RequestLog
from .serving import stop_accepting

_TOKEN_PATH = "/oauth2/v2.0/token"  # noqa: S105 - a path


class Noted:
    """Notes every request but those of the token endpoint, which knows their grant type."""

    def __init__(self, application: ASGIApp, log: RequestLog) -> None:
        self._application = application
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request and hand it on."""
        if scope["type"] == "http" and not scope["path"].endswith(_TOKEN_PATH):
            self._log.note(scope["method"], scope["path"])
        await self._application(scope, receive, send)


class HttpServer:
    """One listener."""

    def __init__(self, application: ASGIApp, server_pem: Path | None = None) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        certificate = str(server_pem) if server_pem else None
        config = uvicorn.Config(
            application,
            lifespan="off",
            http="h11",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            ssl_certfile=certificate,
            ssl_keyfile=certificate,
        )
        self._server = uvicorn.Server(config)

    async def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket until `stop()`."""
        self._task = asyncio.create_task(self._server.serve([listener]))
        while not self._server.started:
            await asyncio.sleep(0.001)
            if self._task.done():
                await self._task

    def drop(self, request: Request) -> None:
        """Close the connection that a request came by, at once and without an answer."""
        for connection in list(self._server.server_state.connections):
            transport: asyncio.Transport = connection.transport
            if transport.get_extra_info("peername") == request["client"]:
                transport.abort()

    async def stop(self) -> None:
        """Close the listener and every connection."""
        for server in self._server.servers:
            await stop_accepting(server)
        # From Python 3.12 on wait_closed() waits for idle keep-alive connections as well.
        self._server.should_exit = self._server.force_exit = True
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        await self._task


async def stop_together(*servers: HttpServer) -> None:
    """Stop servers side by side: each needs a fifth of a second."""
    await asyncio.gather(*(server.stop() for server in servers))
