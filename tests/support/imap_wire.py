"""An IMAP client that reads answers as values, and takes nothing for granted."""

import base64
import re
import socket
import ssl
from types import TracebackType
from typing import Any, Self

_TOKEN = re.compile(rb'\s*(?:([()])|"((?:[^"\\]|\\.)*)"|\{(\d+)\}\r\n|((?:\[[^\]]*\]|[^\s()"])+))')


def parse(data: bytes) -> list[Any]:
    """Return an answer's values: lists, bytes of strings and literals, atoms as str, NIL as None.

    Whether a string came quoted or as a literal makes no difference.
    """
    stack: list[list[Any]] = [[]]
    at, end = 0, len(data.rstrip())
    while at < end:
        found = _TOKEN.match(data, at)
        assert found, data[at : at + 80]
        at = found.end()
        if found[1] == b"(":
            stack.append([])
        elif found[1] == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif found[2] is not None:
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", found[2]))
        elif found[3] is not None:
            stack[-1].append(data[at : at + int(found[3])])
            at += int(found[3])
        else:
            stack[-1].append(None if found[4] == b"NIL" else found[4].decode())
    assert len(stack) == 1
    return stack[0]


class ImapWire:
    """A TLS connection to an IMAP server."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        plain = socket.create_connection(("localhost", port), 30)
        self._socket = context.wrap_socket(plain, server_hostname="localhost")
        self._file = self._socket.makefile("rb")
        self._count = 0
        self.greeting = self.response()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def response(self) -> bytes:
        """Return one answer with its literals; empty at the connection's end."""
        whole = b""
        while True:
            line = self._file.readline()
            whole += line
            found = re.search(rb"\{(\d+)\}\r\n$", line)
            if found is None:
                return whole
            whole += self._file.read(int(found[1]))

    def command(self, text: bytes) -> tuple[list[bytes], bytes]:
        """Return the untagged answers to a command, and the tagged one without its tag."""
        self._count += 1
        tag = b"t%d" % self._count
        self.send(tag + b" " + text + b"\r\n")
        untagged: list[bytes] = []
        while True:
            answer = self.response()
            assert answer, (text[:80], untagged)
            if answer.startswith(tag + b" "):
                return untagged, answer[len(tag) + 1 :].rstrip(b"\r\n")
            untagged.append(answer)

    def ok(self, text: bytes) -> list[bytes]:
        """Return the untagged answers to a command that succeeds."""
        untagged, tagged = self.command(text)
        assert tagged.startswith(b"OK"), (text[:80], tagged)
        return untagged

    def sign_in(self, mailbox: str, token: str) -> None:
        """Sign in with XOAUTH2."""
        blob = f"user={mailbox}\x01auth=Bearer {token}\x01\x01".encode()
        self.ok(b"AUTHENTICATE XOAUTH2 " + base64.b64encode(blob))

    def append(self, folder: str, content: bytes) -> None:
        """Add a message."""
        self.ok(b'APPEND "%b" {%d+}\r\n%b' % (folder.encode(), len(content), content))

    def fetch(self, number: int, items: bytes) -> dict[str, Any]:
        """Return the items of one message by the names that the server gives them."""
        found: dict[str, Any] = {}
        for answer in self.ok(b"FETCH %d (%b)" % (number, items)):
            values = parse(answer)
            if values[1:3] == [str(number), "FETCH"]:
                found |= dict(zip(values[3][::2], values[3][1::2], strict=True))
        return found
