"""What is sent to a client: collected, and written in few pieces."""

import asyncio

#: bytes collected before they are written
_ENOUGH = 1 << 18


class Answers:
    """Collects lines until they are flushed; a client that reads slowly delays only itself."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._parts: list[bytes] = []
        self._size = 0

    def line(self, text: str | bytes) -> None:
        """Add a line."""
        self.raw((text.encode("ascii", "replace") if isinstance(text, str) else text) + b"\r\n")

    def raw(self, data: bytes) -> None:
        """Add bytes as they are."""
        self._parts.append(data)
        self._size += len(data)

    async def flush(self) -> None:
        """Send everything."""
        self._writer.write(b"".join(self._parts))
        self._parts.clear()
        self._size = 0
        await self._writer.drain()

    async def breathe(self) -> None:
        """Let others run in the middle of a long answer; send what is enough for a write."""
        if self._size >= _ENOUGH:
            await self.flush()
        await asyncio.sleep(0)
