"""Listens for IMAP clients, TLS from the start, and counts their sessions."""

import asyncio
import socket
import ssl
from collections import Counter
from contextlib import AsyncExitStack, suppress

from ...serving import stop_accepting
from ..access import MailAccess
from .connection import Connection
from .reader import LONGEST_COMMAND


class ImapServer:
    """Listens and keeps count of its connections, so that it can end them."""

    def __init__(self, access: MailAccess) -> None:
        self._access = access
        self._sessions: Counter[str] = Counter()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(
        self, listener: socket.socket, context: ssl.SSLContext, stack: AsyncExitStack
    ) -> None:
        """Serve on a listening socket until the stack is left."""
        server = await asyncio.start_server(
            self._connected, sock=listener, ssl=context, limit=LONGEST_COMMAND
        )
        stack.push_async_callback(self._stop, server)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - start_server runs us in a task
        self._open[task] = writer
        try:
            await Connection(self._access, reader, writer, self._sessions).run()
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            del self._open[task]
            with suppress(ConnectionError, ssl.SSLError):
                writer.close()

    async def _stop(self, server: asyncio.Server) -> None:
        # wait_closed() would wait for open connections from Python 3.12 on, so they end first.
        await stop_accepting(server)
        still_open = dict(self._open)
        for task, writer in still_open.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*still_open, return_exceptions=True)
        await server.wait_closed()
