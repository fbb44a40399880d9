"""How the server speaks: one reply for each command, unless a script wants it otherwise."""

import asyncio
from collections.abc import Awaitable, Callable

from ... import replies
from ...tenant.policies import Policies
from .faults import SmtpFault, SmtpFaults, Stage
from .wire import LineTooLongError, Wire

#: carries out a command and returns the reply, its lines joined by line feeds
Act = Callable[[], Awaitable[str]]


class Ended(Exception):  # noqa: N818 - no error: the conversation is over
    """The server closes the connection."""


class Conversation:
    """Reads commands and answers them. `user` is who has signed in."""

    def __init__(self, wire: Wire, faults: SmtpFaults, policies: Policies) -> None:
        self.wire = wire
        self.user: str | None = None
        self._faults = faults
        self._policies = policies

    async def line(self) -> bytes | None:
        """Return the next line; None for one that is too long. Raises EOFError and Ended."""
        try:
            async with asyncio.timeout(self._policies.idle_seconds):
                return await self.wire.line()
        except LineTooLongError:
            return None
        except TimeoutError as err:
            await self.say(replies.SMTP_TIMEOUT)
            raise Ended from err

    async def say(self, reply: str) -> None:
        """Send a reply."""
        await self.wire.say(*reply.split("\n"))

    async def ask(self, challenge: bytes) -> bytes:
        """Send a challenge and return what the client answers (RFC 4954)."""
        await self.say(f"334 {challenge.decode()}")
        return await self.line() or b""

    async def answer(self, stage: Stage, act: Act) -> str:
        """Carry out a command and answer it, unless a script wants it otherwise.

        Returns the reply that was said. Raises Ended when it ends the connection.
        """
        fault = self._faults.take(stage, self.user)
        if fault is None:
            reply = await act()
            await self.say(reply)
        else:
            reply = await self._played(fault, act)
        if reply.startswith("421"):
            raise Ended
        return reply

    async def _played(self, fault: SmtpFault, act: Act) -> str:
        own = await act() if fault.is_carried_out else ""
        reply = fault.reply or own
        await asyncio.sleep(fault.delay)
        if fault.ending == "drop":
            self.wire.abort()
            raise Ended
        if fault.ending == "silence":
            await self.wire.sink()
        if fault.ending == "half":
            self.wire.say_half(reply.split("\n")[0])
            raise Ended
        await self.say(reply)
        return reply
