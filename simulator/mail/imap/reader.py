"""Reads commands from a connection, within limits of bytes whatever the client sends."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from ... import replies
from .arguments import Arguments, Command
from .errors import BadArgumentError, HangUpError, ReplyError, UnknownCommandError

#: bytes of a command without its literals, as `Set-ImapSettings -MaxCommandSize` has it
LONGEST_COMMAND = 10_240
#: bytes of a message, as `Set-Mailbox -MaxReceiveSize` may allow
LARGEST_MESSAGE = 157_286_400
#: bytes of all other literals of a command together
_LARGEST_ARGUMENT = 10_240
_LITERAL = re.compile(rb"\{([0-9]{1,10})(\+?)\}$")
_TAG = re.compile(rb'[^(){ %*"\\+\x00-\x1f\x7f-\xff]{1,100}(?= |$)')
_VERB = re.compile(rb" (UID )?([A-Z]+)", re.IGNORECASE)


class TaggedError(Exception):
    """A command that could not be read; `reply` goes to its tag."""

    def __init__(self, tag: str, reply: str) -> None:
        super().__init__(reply)
        self.tag = tag
        self.reply = reply


class CommandReader:
    """Reads one command after another; `go_on` asks the client for a literal."""

    def __init__(
        self, stream: asyncio.StreamReader, go_on: Callable[[str], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._go_on = go_on

    async def line(self) -> bytes | None:
        """Return one line without its end, or None if it is too long. Raises HangUpError."""
        line, is_whole = await self._line(LONGEST_COMMAND)
        return line if is_whole else None

    async def _line(self, longest: int) -> tuple[bytes, bool]:
        """Return one line without its end, and whether it is whole; else its beginning."""
        kept = b""
        while True:
            try:
                piece = await self._stream.readuntil(b"\n")
                break
            except asyncio.LimitOverrunError as err:
                dropped = await self._stream.readexactly(err.consumed or 1)
                kept = (kept + dropped)[: longest + 1]
            except asyncio.IncompleteReadError as err:
                raise HangUpError from err
        whole = (kept + piece[: longest + 2]).removesuffix(b"\n").removesuffix(b"\r")
        return whole[:longest], len(whole) <= longest

    async def command(self, *, may_append: bool) -> Command:
        """Return the next command. Raises TaggedError and HangUpError."""
        first, is_whole = await self._line(LONGEST_COMMAND)
        tag, verb, by_uid, at = _begun(first)
        if not is_whole:
            raise TaggedError(tag, UnknownCommandError().reply)
        texts, literals = [first[at:]], list[bytes]()
        limit = LARGEST_MESSAGE if may_append and verb == "APPEND" else _LARGEST_ARGUMENT
        try:
            await self._rest(texts, literals, limit)
        except ReplyError as err:
            raise TaggedError(tag, err.reply) from err
        return Command(tag, verb, by_uid, Arguments(texts, literals))

    async def _rest(self, texts: list[bytes], literals: list[bytes], limit: int) -> None:
        while (found := _LITERAL.search(texts[-1])) is not None:
            size, waits = int(found[1]), not found[2]
            if size > limit:
                # The client sends what it announced without being asked: nothing else is to be
                # done but to stop listening (RFC 7888, section 4).
                raise BadArgumentError if waits else HangUpError(replies.IMAP_CLOSED)
            limit -= size
            if waits:
                await self._go_on("Ready for additional command text.")
            try:
                literals.append(await self._stream.readexactly(size))
            except asyncio.IncompleteReadError as err:
                raise HangUpError from err
            following, is_whole = await self._line(LONGEST_COMMAND - sum(map(len, texts)))
            if not is_whole:
                raise BadArgumentError
            texts.append(following)


def _begun(line: bytes) -> tuple[str, str, bool, int]:
    """Return tag, verb, whether UID precedes it, and where the arguments begin."""
    tag = _TAG.match(line)
    if tag is None:
        raise TaggedError("*", UnknownCommandError().reply)
    name = tag[0].decode("ascii")
    verb = _VERB.match(line, tag.end())
    if verb is None:
        raise TaggedError(name, UnknownCommandError().reply)
    return name, verb[2].decode("ascii").upper(), verb[1] is not None, verb.end()
