"""IMAP as Exchange Online speaks it, on pymap: implicit TLS and XOAUTH2.

Exactly pymap 0.36.7: the classes below correct what an embedded server meets there.
"""

import asyncio
import socket
import ssl
from argparse import Namespace
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from proxyprotocol.result import ProxyResultUnknown
from proxyprotocol.sock import SocketInfo
from pymap.backend.dict import Config, Login, Session
from pymap.backend.dict.filter import FilterSet
from pymap.context import connection_exit
from pymap.exceptions import MailboxNotFound, ResponseError
from pymap.imap import IMAPConnection
from pymap.imap.state import ConnectionState
from pymap.parsing import EndLine, Params, Space
from pymap.parsing.command import Command, CommandAuth, CommandNoArgs, CommandSelect
from pymap.parsing.command.nonauth import AuthenticateCommand
from pymap.parsing.modutf7 import modutf7_encode
from pymap.parsing.primitives import Atom
from pymap.parsing.response import (
    CommandResponse,
    ResponseBad,
    ResponseNo,
    ResponseOk,
    UntaggedResponse,
)
from pymap.parsing.response.code import Capability

from .. import replies
from ..identity.tokens import Access
from ..serving import hush, stop_accepting
from .access import IMAP_CHALLENGE, BadBlobError, MailAccess, RefusedError, read_blob

BEFORE_LOGIN = (
    b"IMAP4 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"
)
AFTER_LOGIN = BEFORE_LOGIN + b" MOVE"


class AuthenticateWithResponse(AuthenticateCommand):
    """AUTHENTICATE with an initial response in the same line (RFC 4959)."""

    initial: bytes | None = None

    @classmethod
    def parse(
        cls, buf: memoryview, params: Params
    ) -> tuple["AuthenticateWithResponse", memoryview]:
        """Read the mechanism and, if there is one, the initial response."""
        _, buf = Space.parse(buf, params)
        mechanism, rest = Atom.parse(buf, params)
        command = cls(params.tag, mechanism.value.upper())
        initial = bytes(rest).strip()
        if initial:
            command.initial = b"" if initial == b"=" else initial
            return command, rest[len(rest) :]
        _, rest = EndLine.parse(rest, params)
        return command, rest


class NamespaceCommand(CommandNoArgs, CommandAuth):
    """NAMESPACE (RFC 2342)."""

    command = b"NAMESPACE"


class UnselectCommand(CommandNoArgs, CommandSelect):
    """UNSELECT (RFC 3691)."""

    command = b"UNSELECT"


class WholeAnswers:
    """Collects what pymap writes until it drains.

    pymap writes token by token, one TLS record each; clients that read without blocking lose
    parts of lines then, and LIST takes three times as long.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep until `drain`."""
        self._parts.append(bytes(data))

    async def drain(self) -> None:
        """Send everything kept."""
        self._writer.write(b"".join(self._parts))
        self._parts.clear()
        await self._writer.drain()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


class ExchangeReplyError(ResponseError):
    """Answers a command with a given text: `NO …` or `BAD …`, perhaps followed by `* BYE …`."""

    def __init__(self, reply: str) -> None:
        super().__init__()
        self.reply = reply

    def get_response(self, tag: bytes) -> CommandResponse:
        """Return the reply with the command's tag."""
        first, *more = self.reply.splitlines()
        condition, _, text = first.partition(" ")
        kind = {"OK": ResponseOk, "NO": ResponseNo}.get(condition, ResponseBad)
        response = kind(tag, text.encode())
        return Closing(response, more) if more else response


class Closing(CommandResponse):
    """A tagged answer followed by untagged lines, as Exchange sends a BYE after a BAD."""

    def __init__(self, response: CommandResponse, lines: list[str]) -> None:
        super().__init__(response.tag, response.text)
        self._lines = lines

    @property
    def is_terminal(self) -> bool:
        """Whether the lines end the session."""
        return any(line.startswith("* BYE") for line in self._lines)

    async def async_write(self, writer: Any) -> None:
        """Write the answer, then the lines."""
        await super().async_write(writer)
        for line in self._lines:
            writer.write(line.encode() + b"\r\n")


@dataclass(frozen=True)
class SignedIn:
    """A successful sign-in."""

    mailbox: str
    access: Access
    reaches_mailbox: bool


class State(ConnectionState):
    """One connection's state, with Exchange's capabilities and words."""

    def __init__(self, login: Login, config: Config, access: MailAccess) -> None:
        super().__init__(login, config)
        self.mail_config = config
        self.access = access
        self.signed_in: SignedIn | None = None

    @property
    def capability(self) -> Capability:
        """What Exchange lists before and after sign-in. `IMAP4rev1` is pymap's own word."""
        return Capability((AFTER_LOGIN if self._session else BEFORE_LOGIN).split())

    async def do_greeting(self) -> CommandResponse:
        """Greet without capabilities, as Exchange does."""
        return ResponseOk(b"*", replies.IMAP_GREETING.encode())

    def open_mailbox(self, signed_in: SignedIn) -> None:
        """Begin the session after a successful sign-in."""
        mailboxes = self.access.tenant.mailboxes
        self.signed_in = signed_in
        mailbox = mailboxes[signed_in.mailbox]
        self._session = Session(signed_in.mailbox, self.mail_config, mailbox, FilterSet())

    async def do_login(self, cmd: Command) -> Any:
        """Refuse passwords."""
        return ResponseNo(cmd.tag, b"LOGIN failed."), None

    async def do_starttls(self, cmd: Command) -> Any:
        """Refuse: the connection is encrypted from its start."""
        return ResponseBad(cmd.tag, b"Command Error. 12"), None

    async def do_namespace(self, cmd: Command) -> Any:
        """Answer with the one personal namespace."""
        response = ResponseOk(cmd.tag, b"NAMESPACE completed.")
        response.add_untagged(UntaggedResponse(b'NAMESPACE (("" "/")) NIL NIL'))
        return response, None

    async def do_unselect(self, cmd: Command) -> Any:
        """Leave the selected folder without expunging."""
        self._selected = None
        return ResponseOk(cmd.tag, b"UNSELECT completed."), None

    async def do_command(self, cmd: Command) -> CommandResponse:
        """Run a command, if the mailbox can be reached at all."""
        if self.signed_in is not None and not self.signed_in.reaches_mailbox:
            raise ExchangeReplyError(f"{replies.IMAP_NOT_CONNECTED}\n{replies.IMAP_CLOSED}")
        try:
            return await super().do_command(cmd)
        except MailboxNotFound as err:
            raise ExchangeReplyError(_not_found(err)) from err


def _not_found(err: MailboxNotFound) -> str:
    if err.code is not None and bytes(err.code) == b"[TRYCREATE]":
        return "NO [TRYCREATE] Folder is not found."
    return f"NO {modutf7_encode(err.mailbox or '').decode()} doesn't exist."


class Connection(IMAPConnection):
    """One connection, with XOAUTH2 as Exchange answers it."""

    async def read_command(self, state: ConnectionState) -> Command:
        """Read a command; AUTHENTICATE is carried out here, where lines can be exchanged."""
        assert isinstance(state, State)  # noqa: S101 - ImapServer makes no other
        while True:
            command = await super().read_command(state)
            if state.signed_in is not None and state.signed_in.access.expired:
                await self._send(replies.IMAP_TOKEN_EXPIRED.encode())
                raise EOFError
            if not isinstance(command, AuthenticateWithResponse) or state.signed_in:
                return command
            answer = await self._authenticate(state, command)
            await self.write_response(answer)
            if answer.is_terminal:
                raise EOFError

    async def _authenticate(
        self, state: State, command: AuthenticateWithResponse
    ) -> CommandResponse:
        if command.mech_name != b"XOAUTH2":
            return ResponseNo(command.tag, b"AUTHENTICATE failed.")
        encoded = command.initial
        if encoded is None:
            encoded = await self._ask(b"")
        try:
            blob = read_blob(encoded)
            access, reaches = state.access.imap(blob)
        except BadBlobError:
            return ExchangeReplyError(replies.IMAP_BAD_BLOB).get_response(command.tag)
        except RefusedError as refused:
            if refused.reply.startswith("NO"):
                await self._ask(IMAP_CHALLENGE)
            return ExchangeReplyError(refused.reply).get_response(command.tag)
        state.open_mailbox(SignedIn(blob.user, access, reaches))
        return ResponseOk(command.tag, b"AUTHENTICATE completed.")

    async def _ask(self, challenge: bytes) -> bytes:
        await self._send(b"+ " + challenge)
        return bytes(await self.readline()).strip()

    async def _send(self, line: bytes) -> None:
        self.writer.write(line + b"\r\n")
        await self.writer.drain()


class ImapServer:
    """Listens and keeps count of its connections, so that it can end them."""

    def __init__(self, access: MailAccess) -> None:
        hush("pymap.imap")  # every line of the conversation
        arguments = Namespace(passlib_cfg=None, proxy_protocol=None, debug=False)
        self._config = Config(
            arguments,
            host=None,
            port=0,
            tls_enabled=False,
            demo_data=False,
            demo_user="",
            demo_password="",
        )
        self._login = Login(self._config)
        self._access = access
        self._commands = self._config.commands
        for command in (AuthenticateWithResponse, NamespaceCommand, UnselectCommand):
            self._commands.commands[command.command] = command
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(
        self, listener: socket.socket, context: ssl.SSLContext, stack: AsyncExitStack
    ) -> None:
        """Serve on a listening socket until the stack is left."""
        server = await asyncio.start_server(self._connected, sock=listener, ssl=context)
        stack.push_async_callback(self._stop, server)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Not through pymap's ProxyProtocolReader: the task that it makes is held by nobody, and
        # Python 3.13 collects it with the connection alive.
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - start_server runs us in a task
        self._open[task] = writer
        try:
            await self._converse(reader, writer)
        except (ConnectionError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            del self._open[task]

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        info = SocketInfo.get(writer, ProxyResultUnknown(), unique_id=uuid4().bytes)
        answers: Any = WholeAnswers(writer)
        connection = Connection(self._commands, self._config, reader, answers, info)
        async with AsyncExitStack() as stack:
            connection_exit.set(stack)
            stack.enter_context(closing(connection))
            await connection.run(State(self._login, self._config, self._access))

    async def _stop(self, server: asyncio.Server) -> None:
        # wait_closed() would wait for open connections from Python 3.12 on, so they end first.
        await stop_accepting(server)
        still_open = dict(self._open)
        for task, writer in still_open.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*still_open, return_exceptions=True)
        await server.wait_closed()
