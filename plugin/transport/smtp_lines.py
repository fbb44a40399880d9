"""The files that smtplib reads answers from: whole lines only, and nothing from before TLS."""

from __future__ import annotations

import selectors
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import IO


class PlainFile:
    """The plain socket as a file; it takes no byte beyond the line that is read.

    So no byte that came in the clear can be taken for one that came over TLS. Peeking spares the
    call for each byte that an unbuffered file makes: 5 ms for a greeting and an EHLO.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def readline(self, longest: int) -> bytes:
        """Read a line, or what there is of one at the connection's end."""
        line = b""
        while len(line) < longest and not line.endswith(b"\n"):
            ahead = self._sock.recv(longest - len(line), socket.MSG_PEEK)
            if not ahead:
                break
            line += self._sock.recv(ahead.find(b"\n") + 1 or len(ahead))
        return line

    def close(self) -> None:
        """Leave the socket open: its owner closes it."""


class WholeLines:
    """A file that refuses a line which breaks off; smtplib would believe it.

    A "250" may be the beginning of "250-localhost", and a "2" of anything.
    """

    def __init__(self, file: IO[bytes] | PlainFile) -> None:
        self._file = file
        self.close = file.close

    def readline(self, longest: int) -> bytes:
        """Read a line; raise ``ConnectionResetError`` where the server left in the middle of it."""
        line = self._file.readline(longest)
        if line and not line.endswith(b"\n") and len(line) < longest:
            raise ConnectionResetError("The server closed the connection.")
        return line


def has_more(plain: socket.socket) -> bool:
    """Return whether more bytes have come than were read.

    After the answer to STARTTLS there may be none (RFC 3207; CVE-2011-0411).
    """
    with selectors.DefaultSelector() as selector:
        selector.register(plain, selectors.EVENT_READ)
        return bool(selector.select(0)) and bool(plain.recv(1, socket.MSG_PEEK))
