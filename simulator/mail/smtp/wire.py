"""One connection's bytes: lines, counted chunks, data up to the dot, and TLS on request.

Not on asyncio's streams: what a client sent in the clear behind STARTTLS must be dropped, and
streams keep it (the command injection of CVE-2011-0411).
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

#: a command may hold a token of some 2 kB
_LONGEST_LINE = 12288
#: with more than this unread the client has to wait
_MOST_UNREAD = 1 << 18
_END = b"\r\n.\r\n"


class LineTooLongError(Exception):
    """A command is longer than any that the server takes; it was read to its end."""


class TooLargeError(Exception):
    """A message is larger than the server takes; it was read to its end."""


class Wire(asyncio.Protocol):
    """The server's end. Reading methods raise EOFError when the client has gone."""

    def __init__(self, converse: Callable[["Wire"], Coroutine[Any, Any, None]]) -> None:
        self._converse = converse
        self._held = bytearray()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = False
        self._transport: asyncio.Transport
        self.task: asyncio.Task[None]
        self.secured = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the conversation."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a TCP server's
        self._transport = transport
        self.task = asyncio.get_running_loop().create_task(self._converse(self))

    @property
    def address(self) -> str:
        """The client's IP address."""
        peer: tuple[str, int] = self._transport.get_extra_info("peername") or ("127.0.0.1", 0)
        return peer[0]

    def data_received(self, data: bytes) -> None:
        """Keep what came, and let the client wait when it is much."""
        self._held += data
        self._arrived.set()
        if len(self._held) > _MOST_UNREAD:
            self._transport.pause_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        """Let whatever waits notice the end."""
        self._gone = True
        self._arrived.set()
        self._writable.set()

    def pause_writing(self) -> None:
        """Let answers wait for a client that reads none."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let answers go on."""
        self._writable.set()

    async def _more(self) -> None:
        """Wait for more bytes than are held now."""
        self._arrived.clear()
        if self._gone:
            raise EOFError
        if not self._transport.is_reading():
            self._transport.resume_reading()
        await self._arrived.wait()
        if self._gone and not self._held:
            raise EOFError

    def _take(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    async def line(self) -> bytes:
        """Return a line without its end. Raises LineTooLongError."""
        end, too_long = self._held.find(b"\n"), False
        while end < 0:
            seen = len(self._held)
            if seen > _LONGEST_LINE:
                self._take(seen)
                seen, too_long = 0, True
            await self._more()
            end = self._held.find(b"\n", seen)
        line = self._take(end + 1)
        if too_long or len(line) > _LONGEST_LINE:
            raise LineTooLongError
        return line.rstrip(b"\r\n")

    async def counted(self, size: int, most: int) -> bytes:
        """Return so many bytes. Raises TooLargeError if they are more than `most`."""
        left, parts = size, []
        while left:
            if not self._held:
                await self._more()
            part = self._take(min(left, len(self._held)))
            left -= len(part)
            if size <= most:
                parts.append(part)
        if size > most:
            raise TooLargeError
        return b"".join(parts)

    async def dotted(self, most: int) -> bytes:
        """Return the data up to the lone dot, without the client's extra dots.

        Raises TooLargeError for more than `most` bytes (RFC 5321, 4.5.2).
        """
        data, begun = bytearray(b"\r\n"), 2
        total = 0
        while True:
            data += self._take(len(self._held))
            end = data.find(_END, max(0, begun - len(_END)))
            if end >= 0:
                break
            begun = len(data)
            if total + begun > most + len(_END):
                total += begun - len(_END)
                del data[: -len(_END)]
                begun = len(data)
            await self._more()
        self._held[:0] = data[end + len(_END) :]
        if total or end > most:
            raise TooLargeError
        return bytes(data[: end + 2].replace(b"\r\n.", b"\r\n")[2:])

    async def say(self, *lines: str) -> None:
        """Send a reply; every line but the last gets the hyphen of RFC 5321, 4.2.1."""
        first = [f"{line[:3]}-{line[4:]}" for line in lines[:-1]]
        self._transport.write("".join(f"{line}\r\n" for line in [*first, lines[-1]]).encode())
        await self._writable.wait()

    def say_half(self, line: str) -> None:
        """Send half of a reply and close the connection."""
        self._transport.write(line.encode()[: len(line) // 2])
        self.close()

    async def sink(self) -> None:
        """Swallow what the client sends until it goes."""
        while True:
            self._held.clear()
            await self._more()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on in TLS; what came in the clear is dropped. Raises EOFError if TLS fails."""
        self._held.clear()
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, self, context, server_side=True)
        except (OSError, ssl.SSLError) as err:
            raise EOFError from err
        if transport is None:  # the client went during the handshake
            raise EOFError
        self._transport = transport
        self.secured = True

    def close(self) -> None:
        """Close the connection after what was said."""
        self._transport.close()

    def abort(self) -> None:
        """Close the connection at once, without what was not sent yet."""
        self._transport.abort()
