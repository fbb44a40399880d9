"""IMAPClient over a socket of ours, shortened: no CAPABILITY, XOAUTH2 in one line.

The one module that uses private parts of imaplib and IMAPClient. Where a future version lacks
one, the long way is taken instead. Separate from `imap` because importing IMAPClient costs 50 ms.
"""

from __future__ import annotations

import base64
import imaplib
import re
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from imapclient import IMAPClient

from ..wire.deadline import TooMuchDataError, count, expect

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Generator, Iterator, Sequence

    from .listing import Answer

_CAPABILITY = re.compile(rb"\[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
# Exchange Online greets without its capabilities; these are what it answers when asked.
_EXCHANGE = re.compile(rb"\bMicrosoft Exchange\b")
_OF_EXCHANGE = ("IMAP4", "IMAP4REV1", "AUTH=XOAUTH2", "SASL-IR")
_MOST_CHALLENGES = 3
#: Bytes of the greeting that are searched for capabilities; honest ones have some hundred. The
#: search begins again at each bracket, so a long greeting would take minutes.
_LOOKED_AT = 4096
#: Bytes that a line costs in memory beside its own: short ones would fill it unseen.
_LINE_COST = 64
#: The keyword of an answer, which may come in any case (RFC 3501, section 9, "case-insensitive").
_KEYWORD = re.compile(rb"(\S{1,40} (?:\d{1,10} )?)([A-Za-z]{1,20})\b")
#: What imaplib raises when an answer is not what it expects, beside its own errors.
_NONSENSE = (AttributeError, TypeError, IndexError, KeyError, AssertionError, OverflowError)


#: Bytes of a literal that are in memory at a time while it is poured into a sink.
_POURED = 64 * 1024


class Sink(Protocol):
    """Where a large literal goes: an open file, a hash, a parser."""

    def write(self, part: bytes, /) -> object: ...  # noqa: D102 - as a binary file's


class PreauthError(Exception):
    """The server greets as if somebody had signed in (RFC 3501, PREAUTH): nobody knows who."""


class Reply(NamedTuple):
    """How a command ended (OK, NO or BAD), its untagged answers, and the server's words."""

    kind: str
    answers: list[Answer]
    words: str


class Wire(imaplib.IMAP4):
    """imaplib's end of the connection; `last_line` is what the server said last."""

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._secured = sock
        self.last_line = b""
        self.challenge = b""
        self._challenges = 0
        self._held: list[bytes] | None = None
        self._unread = b""
        self._sink: Sink | None = None
        super().__init__()

    def open(self, host: str = "", port: int = 0, timeout: float | None = None) -> None:  # noqa: ARG002 - imaplib's signature
        """Take the socket that is there already."""
        self.host, self.port = host, port
        self.sock = self._secured
        self.file = self.sock.makefile("rb")

    @contextmanager
    def one_flight(self) -> Iterator[None]:
        """Hold commands back, and send them as one."""
        self._held = []
        try:
            yield
            held = b"".join(self._held)
        finally:
            self._held = None
        self.send(held)

    def send(self, data: bytes) -> None:  # type: ignore[override]  # typeshed has a Buffer
        """Send, or keep for the flight."""
        if self._held is None:
            super().send(data)
        else:
            self._held.append(data)

    @contextmanager
    def poured_into(self, sink: Sink) -> Iterator[None]:
        """Write literals to `sink` as they come, instead of keeping them: imaplib gets b""."""
        self._sink = sink
        try:
            yield
        finally:
            self._sink = None

    def read(self, size: int) -> bytes:
        """Read a literal; raise ``TooMuchDataError`` before memory is taken for a huge one."""
        expect(size)
        if self._sink is None:
            return super().read(size)
        while size > 0:
            part = super().read(min(size, _POURED))
            if not part:
                raise ConnectionResetError("The server closed the connection.")
            self._sink.write(part)
            size -= len(part)
        return b""

    def readline(self) -> bytes:
        """Read a line; raise ``ConnectionResetError`` where the server left without a BYE."""
        if self._unread:
            line, self._unread = self._unread, b""
            return line
        count(_LINE_COST)
        try:
            line = super().readline()
        except self.error as err:  # imaplib's own cap: a line of a million bytes
            raise TooMuchDataError("The server sends a line without end.") from err
        if not line.endswith(b"\n") and not self.said_bye:
            raise ConnectionResetError("The server closed the connection.")
        self.last_line = line or self.last_line
        return line if line.startswith(b"* LIST ") else _spelt(line)

    def plain_answers(self, start: bytes) -> Iterator[bytes]:
        """Yield the answers that come next as long as they begin so and hold no literal.

        imaplib spends on such a line several times what else it costs; the first one that may be
        something else is left for it.
        """
        while True:
            line = self.readline()
            if not line.startswith(start) or line[-3:] == b"}\r\n" or line[-2:] != b"\r\n":
                self._unread = line
                return
            yield line[len(start) : -2]

    @property
    def words(self) -> str:
        """What the server said last, without the tag: for example `NO AUTHENTICATE failed`."""
        return self.last_line.decode("utf-8", "replace").strip().partition(" ")[2]

    @property
    def said_bye(self) -> bool:
        """Whether the server has announced that it leaves."""
        return self.last_line[:5].upper() == b"* BYE"

    def answer_challenge(self, challenge: bytes | None) -> bytes:
        """Answer an error challenge with an empty line; the final NO comes then.

        For a "+" with nothing behind it, imaplib hands over None.
        """
        self._challenges += 1
        if self._challenges > _MOST_CHALLENGES:
            raise self.abort("The server sends one challenge after the other.")
        self.challenge = challenge or b""
        return b""

    def _get_capabilities(self) -> None:
        """Take the capabilities from the greeting; ask where it does not name them."""
        if self.state != "NONAUTH":
            raise PreauthError
        greeting = (self.welcome or b"")[:_LOOKED_AT]
        if found := _CAPABILITY.search(greeting):
            self.capabilities = tuple(found[1].decode("ascii", "replace").upper().split())
        elif _EXCHANGE.search(greeting):
            self.capabilities = _OF_EXCHANGE
        else:
            super()._get_capabilities()  # type: ignore[misc]

    def _log(self, line: Any) -> None:
        """Keep no line: imaplib would remember the last ten, the token's among them."""


def _spelt(line: bytes) -> bytes:
    """Return a line as imaplib expects it: keyword in capitals, a space behind a lone "+"."""
    if line in {b"+\r\n", b"+\n"}:
        return b"+ " + line[1:]
    if line.startswith(b"+"):
        return line
    found = _KEYWORD.match(line)
    if found is None or found[2].isupper():
        return line
    return found[1] + found[2].upper() + line[found.end() :]


@contextmanager
def _received(wire: Wire | None = None) -> Iterator[None]:
    """Run imaplib on a received answer: whatever it stumbles over, the answer is to blame."""
    try:
        yield
    except _NONSENSE as err:
        words = "" if wire is None else wire.words
        raise imaplib.IMAP4.abort(f"unexpected response: {words!r}") from err


class Client(IMAPClient):  # type: ignore[misc]  # IMAPClient has no types
    """An IMAPClient that is connected already. Raises imaplib's errors and ``OSError``."""

    def __init__(self, sock: ssl.SSLSocket, host: str, port: int) -> None:
        self._secured = sock
        super().__init__(host, port=port, timeout=None)
        # IMAPClient has imaplib tell each line to the log, at a quarter of a list's whole cost.
        self.wire.debug = 0

    #: Called when a host's own program closes the client: gives back what was opened for it.
    released: Callable[[], object] | None = None

    def logout(self) -> Any:
        """Log out, and give back what was opened for the client."""
        try:
            return super().logout()
        finally:
            self._give_back()

    def shutdown(self) -> None:
        """Close the connection, and give back what was opened for the client."""
        try:
            super().shutdown()
        finally:
            self._give_back()

    def _give_back(self) -> None:
        released, self.released = self.released, None
        if released is not None:
            released()

    @property
    def wire(self) -> Wire:
        """The connection as imaplib keeps it, of our kind."""
        wire: Wire = self._imap
        return wire

    def _create_IMAP4(self) -> Wire:  # noqa: N802 - IMAPClient's name
        with _received():
            return Wire(self._secured)

    @property
    def signs_in_at_once(self) -> bool:
        """Whether the token may travel with the command (SASL-IR, RFC 4959)."""
        return "SASL-IR" in self.wire.capabilities and _private_parts_are_there()

    def xoauth2(self, blob: str, *, at_once: bool) -> Reply:
        """Sign in, with an initial response in base64 (RFC 4959) or by challenge and answer."""
        kind = "OK"
        with _received(self.wire):
            try:
                if at_once:
                    kind = self._xoauth2_in_one_line(blob)
                else:
                    self._xoauth2_in_two(blob)
            except imaplib.IMAP4.abort:
                raise
            except imaplib.IMAP4.error:  # a NO or BAD
                kind = "BAD" if self.wire.words.startswith("BAD") else "NO"
        return self._reply(kind)

    def _xoauth2_in_one_line(self, blob: str) -> str:
        wire: Any = self.wire
        wire.literal = wire.answer_challenge  # imaplib calls it for each challenge
        try:
            tag = wire._command("AUTHENTICATE", "XOAUTH2", blob)  # noqa: SLF001
            kind: str = wire._command_complete("AUTHENTICATE", tag)[0]  # noqa: SLF001
        finally:
            wire.literal = None
        if kind == "OK":
            wire.state = "AUTH"
        return kind

    def _xoauth2_in_two(self, blob: str) -> None:
        answers = iter([base64.b64decode(blob)])
        self.sasl_login(
            "XOAUTH2",
            lambda challenge: next(answers, None) or self.wire.answer_challenge(challenge),
        )

    def list_all(self) -> Generator[Answer, None, Reply]:
        """Ask LIST for the whole hierarchy; yield the answers as they come, return how it ended.

        They are read while the server still looks for the next ones.
        """
        with _received(self.wire):
            return (yield from self._listed())

    def _listed(self) -> Generator[Answer, None, Reply]:
        wire: Any = self.wire
        if _private_parts_are_there():
            tag = wire._command("LIST", '""', '"*"')  # noqa: SLF001
            yield from wire.plain_answers(b"* LIST ")
            kind, _ = wire._command_complete("LIST", tag)  # noqa: SLF001
            _, rest = wire.response("LIST")
        else:
            kind, rest = wire.list('""', '"*"')
        yield from rest
        return self._reply(kind)

    def statuses(self, names: Sequence[bytes]) -> list[Reply]:
        """Ask STATUS (UIDVALIDITY) for quoted names, all in one flight; the replies in order."""
        wire: Any = self.wire
        if not _private_parts_are_there():
            return [self._status(partial(wire.status, name, "(UIDVALIDITY)")) for name in names]
        with wire.one_flight():
            tags = [wire._command("STATUS", name, "(UIDVALIDITY)") for name in names]  # noqa: SLF001
        return [self._status(partial(self._completed_status, tag)) for tag in tags]

    def _status(self, ask: Callable[[], tuple[str, list[Answer]]]) -> Reply:
        try:
            with _received(self.wire):
                return self._reply(*ask())
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:  # a BAD, which spoils no other answer
            return self._reply("BAD")

    def _completed_status(self, tag: bytes) -> tuple[str, list[Answer]]:
        wire: Any = self.wire
        kind, _ = wire._command_complete("STATUS", tag)  # noqa: SLF001
        _, answers = wire.response("STATUS")
        return kind, answers

    def _reply(self, kind: str, answers: Sequence[Answer] = ()) -> Reply:
        return Reply(kind, [answer for answer in answers if answer is not None], self.wire.words)

    def leave(self) -> None:
        """Send LOGOUT without awaiting its answer."""
        self.wire.send(b"bye LOGOUT\r\n")


def _private_parts_are_there() -> bool:
    return all(hasattr(imaplib.IMAP4, name) for name in ("_command", "_command_complete"))
