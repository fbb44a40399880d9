"""Servers on loopback that play a script, for what no honest server does."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable

import trustme


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context with a certificate that trustme issued."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


class StoppedError(OSError):
    """The test is over: the script ends."""


class Conversation:
    """One connection, as a script sees it. Reads and writes raise OSError once it is over."""

    def __init__(self, sock: socket.socket, stopped: threading.Event) -> None:
        self.sock = sock
        self.lines: list[bytes] = []
        self._stopped = stopped

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def line(self) -> bytes:
        """Read a line, byte by byte, and keep it; b"" when the client has gone."""
        line = bytearray()
        while not line.endswith(b"\n"):
            byte = self.sock.recv(1)
            if not byte:
                break
            line += byte
        self.lines.append(bytes(line).strip())
        return self.lines[-1]

    def pause(self, seconds: float = 60.0) -> None:
        if self._stopped.wait(seconds):
            raise StoppedError

    def secure(self, context: ssl.SSLContext) -> None:
        self.sock = context.wrap_socket(self.sock, server_side=True)


class LoopbackServer:
    """Plays `script` to every connection, each in a thread of its own, until it is closed."""

    def __init__(
        self, script: Callable[[Conversation], None], context: ssl.SSLContext | None = None
    ) -> None:
        self._script = script
        self._context = context
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self.conversations: list[Conversation] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conversation = Conversation(sock, self._stopped)
            self.conversations.append(conversation)
            self._start(self._play, conversation)

    def _play(self, conversation: Conversation) -> None:
        # A client that leaves in the middle is what most of the scripts are about.
        with contextlib.suppress(OSError):
            if self._context is not None:
                conversation.secure(self._context)
            self._script(conversation)
        # Python's own close() waits for nobody, and ends what shutdown() leaves open.
        with contextlib.suppress(OSError):
            conversation.sock.shutdown(socket.SHUT_RDWR)
        conversation.sock.close()

    def finish(self) -> None:
        """Wait until the scripts of the connections so far have ended by themselves."""
        for thread in self._threads[1:]:
            thread.join(5)
            assert not thread.is_alive()

    @property
    def said(self) -> list[bytes]:
        """The lines that the last client sent."""
        return self.conversations[-1].lines

    def close(self) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for conversation in self.conversations:
            with contextlib.suppress(OSError):
                conversation.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


class TripCounter:
    """A proxy that counts the flights of the client: how often it speaks after the server did."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.flights = 0
        self._last = ""
        self._turn = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [client, server]
            self._start(self._pump, client, server, "client")
            self._start(self._pump, server, client, "server")

    def _pump(self, source: socket.socket, target: socket.socket, name: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if name == "server":
                    time.sleep(0.02)  # what a client sends without waiting is one flight
                with self._turn:
                    self.flights += name == "client" != self._last
                    self._last = name
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for sock in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()
