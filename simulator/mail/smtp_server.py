# ruff: noqa: ARG002, N802 - the hooks have the names and parameters that aiosmtpd gives them
"""SMTP submission as Exchange Online offers it, on aiosmtpd: STARTTLS, then XOAUTH2."""

import asyncio
import collections
import logging
import socket
import ssl
from contextlib import AsyncExitStack
from email import message_from_bytes
from email.utils import parseaddr
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from .. import replies
from ..serving import hush, stop_accepting
from ..tenant.tenant import Submission, Tenant
from .access import SMTP_CHALLENGE, BadBlobError, MailAccess, RefusedError, read_blob

HOST_NAME = "FR3P281CA0001.outlook.office365.com"
IDENT = "Microsoft ESMTP MAIL Service ready"
SIZE = 157286400
#: an AUTH line holds a token of some 2 kB; aiosmtpd allows 512 bytes unless told
_LINE = 12288


class SubmissionProtocol(SMTP):
    """aiosmtpd's protocol with room for tokens."""

    command_size_limit = _LINE
    command_size_limits = collections.defaultdict(lambda: _LINE)  # noqa: RUF012 - aiosmtpd's
    line_length_limit = _LINE
    counted_in: set["SubmissionProtocol"]

    def connection_lost(self, error: Exception | None) -> None:
        """Leave the count of open connections."""
        super().connection_lost(error)
        self.counted_in.discard(self)


def _refusal(reply: str) -> AuthResult:
    return AuthResult(success=False, handled=False, message=reply)


class Submissions:
    """aiosmtpd's handler: what the server says to each command. Its hooks' names are aiosmtpd's."""

    def __init__(self, access: MailAccess) -> None:
        self._access = access
        self._tenant: Tenant = access.tenant

    async def handle_EHLO(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """List the extensions as Exchange does, without those that aiosmtpd has not."""
        session.host_name = hostname
        hello = f"{HOST_NAME} Hello [127.0.0.1]"
        secured = "AUTH LOGIN XOAUTH2" if session.ssl is not None else "STARTTLS"
        features = [f"SIZE {SIZE}", "PIPELINING", "ENHANCEDSTATUSCODES", secured, "8BITMIME"]
        return [*(f"250-{line}" for line in (hello, *features)), "250 SMTPUTF8"]

    async def auth_LOGIN(self, server: SMTP, args: list[str]) -> AuthResult:
        """Refuse passwords."""
        return _refusal(replies.SMTP_BASIC_DISABLED)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        """Check a token."""
        encoded = args[1].encode() if len(args) > 1 else await self._ask(server, b"")
        try:
            user = self._access.smtp(read_blob(encoded))
        except BadBlobError:
            return _refusal(replies.SMTP_BAD_BLOB)
        except RefusedError as refused:
            if refused.reply.startswith("535"):
                await self._ask(server, SMTP_CHALLENGE)
            return _refusal(refused.reply)
        return AuthResult(success=True, auth_data=user, message=replies.SMTP_ACCEPTED)

    @staticmethod
    async def _ask(server: SMTP, challenge: bytes) -> bytes:
        await server.push(b"334 " + challenge)
        line: bytes = await server._reader.readline()  # noqa: SLF001
        return line.strip()

    async def handle_MAIL(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take the sender, if the user may send as that address."""
        policies = self._tenant.policies
        if not session.authenticated:
            return replies.SMTP_NOT_AUTHENTICATED
        if policies.mail_from_reply is not None:
            return policies.mail_from_reply
        user = str(session.auth_data)
        if policies.send_as_checked_at == "mail_from" and not self._may_send(user, address):
            return replies.smtp_send_as_denied(user, address)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender OK"

    def _may_send(self, user: str, *senders: str) -> bool:
        return all(self._tenant.may_send_as(user, sender) for sender in senders if sender)

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take a recipient."""
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Recipient OK"

    async def handle_DATA(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
    ) -> str:
        """Store a message, file it as sent and deliver it to the tenant's own recipients."""
        user, mail_from = str(session.auth_data), str(envelope.mail_from)
        content = envelope.original_content or b""
        header_from = parseaddr(str(message_from_bytes(content).get("From", "")))[1]
        for sender in (mail_from, header_from):
            if not self._may_send(user, sender):
                return replies.smtp_send_as_denied(user, sender)
        recipients = tuple(envelope.rcpt_tos)
        submission = Submission(user, mail_from, recipients, content)
        self._tenant.submissions.append(submission)
        await self._tenant.mailboxes.file_as_sent(user, content)
        for recipient in recipients:
            if recipient in self._tenant.mailboxes:
                await self._tenant.mailboxes.deliver(recipient, content)
        return f"250 2.0.0 OK <{uuid4().hex}@{HOST_NAME}> [Hostname={HOST_NAME}]"


class SmtpServer:
    """Listens and keeps count of its connections, so that it can end them."""

    def __init__(self, access: MailAccess) -> None:
        # aiosmtpd logs at INFO and DEBUG what clients send, and warns of its own deprecations.
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        hush("mail.log")
        self._handler = Submissions(access)
        self._open: set[SubmissionProtocol] = set()

    async def start(
        self, listener: socket.socket, context: ssl.SSLContext, stack: AsyncExitStack
    ) -> None:
        """Serve on a listening socket until the stack is left."""
        loop = asyncio.get_running_loop()

        def connected() -> SubmissionProtocol:
            protocol = SubmissionProtocol(
                self._handler,
                hostname=HOST_NAME,
                ident=IDENT,
                tls_context=context,
                require_starttls=True,
                data_size_limit=SIZE,
                enable_SMTPUTF8=True,
                auth_exclude_mechanism=["PLAIN"],
                loop=loop,
            )
            protocol.counted_in = self._open
            self._open.add(protocol)
            return protocol

        server = await loop.create_server(connected, sock=listener)
        stack.push_async_callback(self._stop, server)

    async def _stop(self, server: asyncio.Server) -> None:
        await stop_accepting(server)
        still_open = list(self._open)
        for protocol in still_open:
            if isinstance(protocol.transport, asyncio.Transport):
                protocol.transport.abort()
        tasks = [protocol._handler_coroutine for protocol in still_open]  # noqa: SLF001
        await asyncio.gather(*(task for task in tasks if task), return_exceptions=True)
        await server.wait_closed()
