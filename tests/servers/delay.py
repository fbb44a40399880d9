"""A proxy that makes loopback as far away as Microsoft: it delays, and counts round trips.

The kernel of this machine makes a connection at once; the trip that it would take is waited for
before the server hears of it, and counted.
"""

import asyncio
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

_STOP = 5.0


@dataclass
class Trip:
    """One connection, times in seconds. `count` are the answers that the client waited for."""

    began: float
    ended: float = 0.0
    #: The connection itself is the first.
    count: int = 1
    speaker: str = ""

    def client_speaks(self) -> None:
        self.speaker = "client"

    def server_speaks(self) -> None:
        # What comes when the client has left was not waited for.
        self.count += not self.ended and self.speaker != "server"
        self.speaker = "server"


class DelayProxy:
    """Relays to a port of loopback; `round_trip` is in seconds."""

    def __init__(self, port: int, round_trip: float) -> None:
        self._target, self._round_trip = port, round_trip
        self.trips: list[Trip] = []
        self.port = 0
        self._relays: list[asyncio.Task[None]] = []
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_STOP)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(2 * _STOP)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        if self._relays:
            _, running = await asyncio.wait(self._relays, timeout=_STOP)
            assert not running, "a client has not left"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._relays.append(self._loop.create_task(self._relay(reader, writer)))

    async def _relay(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        trip = Trip(began=self._loop.time())
        self.trips.append(trip)
        await asyncio.sleep(self._round_trip)
        answers, server = await asyncio.open_connection("127.0.0.1", self._target)

        async def ask() -> None:
            await self._pump(reader, server, trip, trip.client_speaks)
            trip.ended = self._loop.time()

        await asyncio.gather(ask(), self._pump(answers, client, trip, trip.server_speaks))
        for writer in (client, server):
            writer.close()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        trip: Trip,
        speaks: Callable[[], None],
    ) -> None:
        def deliver(data: bytes) -> None:
            speaks()
            target.write(data)
            # Servers wait for acknowledgements (Nagle), which are the client's to give, not ours:
            # Linux would delay them by 40 ms here, where the client may not.
            peer: socket.socket = target.get_extra_info("socket")
            with suppress(OSError):  # it may have been closed meanwhile
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

        try:
            while data := await source.read(65536):
                # A server that speaks first hears of the connection half a round trip later.
                halves = 2 if speaks == trip.server_speaks and not trip.speaker else 1
                self._loop.call_later(halves * self._round_trip / 2, deliver, data)
        except ConnectionError:
            pass
        self._loop.call_later(self._round_trip / 2, target.close)
