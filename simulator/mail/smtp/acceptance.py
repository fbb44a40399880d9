"""Whether a whole message is accepted: what Exchange checks after the end of the data."""

from collections.abc import Sequence
from dataclasses import dataclass

from ... import replies
from ...tenant import headers
from ...tenant.reports import Outcome
from ...tenant.submission import Recipient, Submission
from ...tenant.tenant import Tenant
from ...tenant.transport import is_outside
from .arguments import Sender
from .limits import Limits


@dataclass(frozen=True)
class Client:
    """Who sends: the session, its signed-in user, and what the trace field says of it."""

    session: object
    user: str
    name: str
    address: str


class RefusedMessageError(Exception):
    """The message is refused with `reply`; `kind` is counted against the sender."""

    def __init__(self, reply: str, kind: str | None = None) -> None:
        super().__init__(reply)
        self.reply = reply
        self.kind = kind


class Acceptance:
    """Accepts or refuses messages and hands on what was accepted."""

    def __init__(self, tenant: Tenant, limits: Limits) -> None:
        self._tenant = tenant
        self._limits = limits

    async def take(
        self, client: Client, sender: Sender, to: Sequence[Recipient], content: bytes
    ) -> str:
        """Return the reply to the end of the data."""
        wait = self._limits.place_in_minute(client.user)
        try:
            self._check_sender(client, sender, content)
            self._check_minute(wait)
            late = self._check_day(client, to)
        except RefusedMessageError as refused:
            if refused.kind:
                self._limits.note_refusal(client.user, refused.kind)
            return refused.reply
        sent = _submission(client, sender, to, content)
        self._tenant.submissions.append(sent)
        if late:
            await self._return(sent, late)
        else:
            self._note_unknown(client, to)
            trace = headers.received(client.name, client.address)
            await self._tenant.transport.submit(sent, trace, wait)
        return replies.smtp_taken(sent.message_id)

    def _check_sender(self, client: Client, sender: Sender, content: bytes) -> None:
        policies, user = self._tenant.policies, client.user
        throttled = self._limits.throttled(user)
        if throttled:
            raise RefusedMessageError(replies.SMTP_THROTTLED[throttled])
        if user in policies.sender_blocked_for:
            raise RefusedMessageError(replies.SMTP_SENDER_BLOCKED)
        if user in policies.mailbox_full_for:
            raise RefusedMessageError(replies.SMTP_MAILBOX_FULL, "mailbox_full")
        if self._limits.has_too_many_sessions(user, client.session):
            raise RefusedMessageError(_CONNECTIONS[policies.connections_words])
        for address in (sender.address, *headers.addresses(content, "From")):
            if address and not self._tenant.may_send_as(user, address):
                denied = replies.smtp_send_as_denied(user, address)
                raise RefusedMessageError(denied, "send_as_denied")
        if policies.message_bytes is not None and len(content) > policies.message_bytes:
            raise RefusedMessageError(replies.SMTP_MAX_SUBMISSION)

    def _check_minute(self, wait: float) -> None:
        if wait > 0 and self._tenant.policies.above_minute == "rejected":
            raise RefusedMessageError(replies.SMTP_QUOTA_EXCEEDED)

    def _check_day(self, client: Client, to: Sequence[Recipient]) -> str:
        """Return the words of a limit that is told by a report."""
        outside = sum(is_outside(recipient.address) for recipient in to)
        by_reply = self._tenant.policies.day_limit_told == "reply"
        if not self._limits.take_recipients(client.user, len(to)):
            told = replies.SMTP_QUOTA_EXCEEDED if by_reply else replies.SMTP_DAILY_LIMIT
        elif outside and not self._limits.take_outside(outside):
            told = replies.SMTP_TENANT_LIMIT
        else:
            return ""
        if by_reply:
            raise RefusedMessageError(told)
        return told

    async def _return(self, sent: Submission, words: str) -> None:
        for recipient in sent.to:
            outcome = Outcome("failed", recipient.address, words, recipient.original)
            await self._tenant.transport.tell(sent, outcome)

    def _note_unknown(self, client: Client, to: Sequence[Recipient]) -> None:
        for recipient in to:
            address = recipient.address
            if not is_outside(address) and address not in self._tenant.mailboxes:
                self._limits.note_refusal(client.user, "invalid_recipients")


_CONNECTIONS = {
    "concurrent": replies.SMTP_TOO_MANY_CONNECTIONS,
    "thread": replies.SMTP_THREAD_LIMIT,
}


def _submission(
    client: Client, sender: Sender, to: Sequence[Recipient], content: bytes
) -> Submission:
    whole = headers.completed(content)
    return Submission(
        client.user,
        sender.address,
        tuple(to),
        whole,
        headers.value(whole, "Message-ID"),
        sender.returned,
        sender.envelope_id,
    )
