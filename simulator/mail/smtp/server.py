"""The SMTP server: listens, and keeps count of its connections so that it can end them."""

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack

from ...serving import stop_accepting
from ..access import MailAccess
from .faults import SmtpFaults
from .limits import Limits
from .session import Services, Session
from .wire import Wire


class SmtpServer:
    """Submission with STARTTLS."""

    def __init__(self, access: MailAccess, limits: Limits, faults: SmtpFaults) -> None:
        self._access = access
        self._limits = limits
        self._faults = faults
        self._open: set[Wire] = set()

    async def start(
        self, listener: socket.socket, context: ssl.SSLContext, stack: AsyncExitStack
    ) -> None:
        """Serve on a listening socket until the stack is left."""
        services = Services(self._access, context, self._limits, self._faults)

        async def converse(wire: Wire) -> None:
            self._open.add(wire)
            try:
                await Session(wire, services).run()
            finally:
                self._open.discard(wire)

        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Wire(converse), sock=listener)
        stack.push_async_callback(self._stop, server)

    async def _stop(self, server: asyncio.Server) -> None:
        # wait_closed() would wait for open connections from Python 3.12 on, so they end first.
        await stop_accepting(server)
        still_open = list(self._open)
        for wire in still_open:
            wire.abort()
            wire.task.cancel()
        await asyncio.gather(*(wire.task for wire in still_open), return_exceptions=True)
        await server.wait_closed()
