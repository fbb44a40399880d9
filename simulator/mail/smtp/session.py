"""One connection: which command may follow which, and what each is answered."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ... import replies
from ...tenant.submission import Recipient
from ...tenant.tenant import Tenant
from ..access import MailAccess
from .acceptance import Acceptance, Client
from .arguments import BadArgumentError, Sender, read_recipient, read_sender
from .authentication import authenticate
from .conversation import Conversation, Ended
from .faults import SmtpFaults, Stage
from .limits import Limits
from .wire import TooLargeError, Wire

#: carries out a command, given its argument
Command = Callable[[str], Awaitable[None]]


@dataclass
class Services:
    """What all sessions share."""

    access: MailAccess
    context: ssl.SSLContext
    limits: Limits
    faults: SmtpFaults

    @property
    def tenant(self) -> Tenant:
        """The tenant whose users send."""
        return self.access.tenant


@dataclass
class Transaction:
    """One message on its way."""

    sender: Sender
    to: list[Recipient] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0


class Session:
    """One connection from its greeting to its end."""

    def __init__(self, wire: Wire, services: Services) -> None:
        self._wire = wire
        self._services = services
        self._policies = services.tenant.policies
        self._talk = Conversation(wire, services.faults, self._policies)
        self._acceptance = Acceptance(services.tenant, services.limits)
        self._client_name: str | None = None
        self._transaction: Transaction | None = None
        self._commands: dict[str, Command] = {
            "EHLO": self._hello,
            "HELO": self._hello,
            "STARTTLS": self._starttls,
            "AUTH": self._auth,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "QUIT": self._quit,
        }

    async def run(self) -> None:
        """Converse until one side ends it."""
        try:
            await self._talk.answer(Stage.GREETING, self._greeting)
            while True:
                await self._command(await self._talk.line())
        except (EOFError, Ended):
            pass
        finally:
            if self._talk.user is not None:
                self._services.limits.leave(self._talk.user, self)
            self._wire.close()

    async def _command(self, line: bytes | None) -> None:
        if line is None:
            await self._talk.say(replies.SMTP_LINE_TOO_LONG)
            return
        verb, _, argument = line.decode("utf-8", "replace").partition(" ")
        command = self._commands.get(verb.upper())
        if command is None:
            await self._talk.say(replies.SMTP_UNRECOGNIZED)
        elif verb.upper() == "HELO":
            await self._hello(argument.strip(), extended=False)
        else:
            await command(argument.strip())

    async def _greeting(self) -> str:
        return replies.smtp_greeting()

    async def _hello(self, argument: str, *, extended: bool = True) -> None:
        async def act() -> str:
            if not argument:
                return replies.SMTP_BAD_ARGUMENTS
            self._client_name, self._transaction = argument, None
            features = replies.smtp_hello(secured=self._wire.secured) if extended else []
            lines = [f"{replies.SMTP_FRONT} Hello [{self._wire.address}]", *features]
            return "\n".join(f"250 {line}" for line in lines)

        await self._talk.answer(Stage.EHLO, act)

    async def _starttls(self, argument: str) -> None:
        async def act() -> str:
            if argument or self._wire.secured:
                return replies.SMTP_BAD_SEQUENCE
            return replies.SMTP_READY_FOR_TLS

        if (await self._talk.answer(Stage.STARTTLS, act)).startswith("220"):
            self._client_name = self._transaction = None
            await self._wire.start_tls(self._services.context)

    async def _auth(self, argument: str) -> None:
        async def act() -> str:
            if self._talk.user is not None or self._transaction is not None:
                return replies.SMTP_BAD_SEQUENCE
            reply = await authenticate(self._talk, self._services.access, argument)
            if self._talk.user is not None:
                self._services.limits.enter(self._talk.user, self)
            return reply

        await self._talk.answer(Stage.AUTH, act)

    async def _mail(self, argument: str) -> None:
        async def act() -> str:
            refusal = self._refusal_of_mail()
            if refusal:
                return refusal
            try:
                return self._begin(read_sender(argument))
            except BadArgumentError as bad:
                return bad.reply

        await self._talk.answer(Stage.MAIL, act)

    def _refusal_of_mail(self) -> str | None:
        if self._client_name is None:
            return replies.SMTP_NEED_HELLO
        if self._talk.user is None:
            return replies.SMTP_NOT_AUTHENTICATED
        if self._transaction is not None:
            return replies.SMTP_SENDER_GIVEN
        return self._policies.mail_from_reply

    def _begin(self, sender: Sender) -> str:
        user, tenant = str(self._talk.user), self._services.tenant
        if sender.size > replies.SIZE:
            return replies.SMTP_TOO_LARGE
        at_once = self._policies.send_as_checked_at == "mail_from"
        if at_once and sender.address and not tenant.may_send_as(user, sender.address):
            self._services.limits.note_refusal(user, "send_as_denied")
            return replies.smtp_send_as_denied(user, sender.address)
        self._transaction = Transaction(sender)
        return replies.SMTP_SENDER_OK

    async def _rcpt(self, argument: str) -> None:
        async def act() -> str:
            if self._transaction is None:
                return replies.SMTP_NEED_MAIL
            try:
                recipient = read_recipient(argument, utf8=self._transaction.sender.utf8)
            except BadArgumentError as bad:
                return bad.reply
            most = self._policies.recipients_per_message
            if most is not None and len(self._transaction.to) >= most:
                self._services.limits.note_refusal(str(self._talk.user), "too_many_recipients")
                return replies.SMTP_TOO_MANY_RECIPIENTS
            self._transaction.to.append(recipient)
            return replies.SMTP_RECIPIENT_OK

        await self._talk.answer(Stage.RCPT, act)

    def _refusal_of_data(self) -> str | None:
        if self._transaction is None:
            return replies.SMTP_NEED_MAIL
        return None if self._transaction.to else replies.SMTP_NEED_RECIPIENT

    async def _data(self, argument: str) -> None:
        async def act() -> str:
            refusal = self._refusal_of_data()
            if refusal or argument:
                return refusal or replies.SMTP_BAD_ARGUMENTS
            transaction = self._transaction
            # RFC 3030, 3: the transaction cannot go on after this.
            if transaction and (transaction.chunks or transaction.sender.body == "BINARYMIME"):
                self._transaction = None
                return replies.SMTP_BAD_SEQUENCE
            return replies.SMTP_START_DATA

        if not (await self._talk.answer(Stage.DATA, act)).startswith("354"):
            return
        try:
            content: bytes | None = await self._wire.dotted(replies.SIZE)
        except TooLargeError:
            content = None
        await self._end_of_data(content)

    async def _bdat(self, argument: str) -> None:
        size, last = await self._chunk_announced(argument)
        transaction, refusal = self._transaction, self._refusal_of_data()
        room = replies.SIZE - (transaction.size if transaction else 0)
        try:
            chunk = await self._wire.counted(size, room)
        except TooLargeError:
            chunk, refusal = b"", replies.SMTP_TOO_LARGE
        if transaction is None or refusal:
            self._transaction = None
            await self._talk.say(refusal or replies.SMTP_NEED_MAIL)
            return
        transaction.chunks.append(chunk)
        transaction.size += len(chunk)
        if last:
            await self._end_of_data(b"".join(transaction.chunks))
        else:
            await self._talk.answer(Stage.DATA, lambda: _said(replies.smtp_chunk_taken(size)))

    async def _chunk_announced(self, argument: str) -> tuple[int, bool]:
        """Return the size of a chunk and whether it is the last one (RFC 3030, 2)."""
        size, _, last = argument.partition(" ")
        if size.isascii() and size.isdigit() and len(size) < 20 and last.upper() in ("", "LAST"):
            return int(size), bool(last)
        # How much follows is unknown, so nothing that comes can be read any more.
        await self._talk.say(replies.SMTP_BAD_ARGUMENTS)
        raise Ended

    async def _end_of_data(self, content: bytes | None) -> None:
        await self._talk.answer(Stage.END_OF_DATA, lambda: self._finish(content))
        # RFC 5321, 4.1.1.4: whatever the answer was, a scripted one too, the transaction is over.
        self._transaction = None

    async def _finish(self, content: bytes | None) -> str:
        transaction, self._transaction = self._transaction, None
        if content is None or transaction is None:
            return replies.SMTP_TOO_LARGE
        client = Client(self, str(self._talk.user), str(self._client_name), self._wire.address)
        return await self._acceptance.take(client, transaction.sender, transaction.to, content)

    async def _rset(self, _argument: str) -> None:
        self._transaction = None
        await self._talk.say(replies.SMTP_RESET)

    async def _noop(self, _argument: str) -> None:
        await self._talk.say(replies.SMTP_OK)

    async def _vrfy(self, _argument: str) -> None:
        await self._talk.say(replies.SMTP_CANNOT_VERIFY)

    async def _quit(self, _argument: str) -> None:
        await self._talk.say(replies.SMTP_CLOSING)
        raise Ended


async def _said(reply: str) -> str:
    return reply
