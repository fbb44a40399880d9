"""A proxy on loopback that spoils what passes through it: an HTTP CONNECT proxy, or a plain relay.

The weather may change at any time and holds for open connections too. Everything is bounded and
ends with `close()`.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Self

_CHUNK = 65536
_LONGEST = 60.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Weather:
    """What happens to the server's answers; times are in seconds, `None` is never."""

    #: Before each piece.
    delay: float = 0.0
    #: Pieces of so many bytes.
    slices: int = _CHUNK
    #: The connection is closed after so many bytes.
    cut_after: int | None = None
    #: It is reset after so many bytes.
    reset_after: int | None = None
    #: Nothing passes, in either direction, and nothing is closed.
    blackhole: bool = False


CLEAR = Weather()


class FaultProxy:
    """Relays to `target`, or without one to where each client's CONNECT asks (loopback only)."""

    def __init__(self, target: tuple[str, int] | None = None) -> None:
        self._target = target
        self._weather, self._passed = CLEAR, 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._open: set[int] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def turn(self, weather: Weather) -> None:
        """Change the weather; its bytes count from now on."""
        with self._lock:
            self._weather, self._passed = weather, 0

    @property
    def passed(self) -> int:
        """Bytes of answers since the weather changed."""
        return self._passed

    def left_open(self, seconds: float = 3.0) -> int:
        """Return how many connections the clients have not closed within so many seconds."""
        ends = time.monotonic() + seconds
        while self._open and time.monotonic() < ends:
            time.sleep(0.01)
        return len(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stopped.set()
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _start(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(_LONGEST)
            self._sockets.append(client)
            self._start(self._relay, client)

    def _relay(self, client: socket.socket) -> None:
        number = client.fileno()
        self._open.add(number)
        server = None
        with contextlib.suppress(OSError):
            server = self._connected(client)
            self._sockets.append(server)
            self._start(self._answers, server, client)
            self._questions(client, server)
        self._open.discard(number)
        if server is not None:
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
        client.close()

    def _connected(self, client: socket.socket) -> socket.socket:
        if self._target is not None:
            return socket.create_connection(self._target, _LONGEST)
        request = b""
        while b"\r\n\r\n" not in request:
            part = client.recv(4096)
            if not part:
                raise ConnectionError
            request += part
        port = int(request.split(b" ")[1].rpartition(b":")[2])
        server = socket.create_connection(("127.0.0.1", port), _LONGEST)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return server

    def _questions(self, client: socket.socket, server: socket.socket) -> None:
        while data := client.recv(_CHUNK):
            if not self._weather.blackhole:
                server.sendall(data)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        # Reading from the server may fail or its client be gone: the other thread tidies up.
        with contextlib.suppress(OSError):
            while data := server.recv(_CHUNK):
                if not self._pass_on(data, client):
                    return
            if not self._weather.blackhole:
                client.shutdown(socket.SHUT_WR)

    def _pass_on(self, data: bytes, client: socket.socket) -> bool:
        while data:
            weather = self._weather
            if weather.blackhole:
                return True
            if self._stopped.wait(weather.delay) or self._ended(weather, client):
                return False
            piece = data[: self._room(weather)]
            client.sendall(piece)
            data = data[len(piece) :]
            with self._lock:
                self._passed += len(piece)
        return not self._ended(self._weather, client)

    def _room(self, weather: Weather) -> int:
        limits = [n for n in (weather.cut_after, weather.reset_after) if n is not None]
        return min([weather.slices, *(limit - self._passed for limit in limits)])

    def _ended(self, weather: Weather, client: socket.socket) -> bool:
        """Close or reset the connection when its bytes are used up."""
        if weather.reset_after is not None and self._passed >= weather.reset_after:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            # The thread that reads wakes up and closes: only the last close() sends the reset.
            client.shutdown(socket.SHUT_RD)
            return True
        if weather.cut_after is not None and self._passed >= weather.cut_after:
            client.shutdown(socket.SHUT_RDWR)
            return True
        return False
