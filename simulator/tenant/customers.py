"""What others do with the tenant's messages: customers reply, servers report."""

from collections.abc import Sequence

from . import headers
from .answers import Answer, Attachment, answer, answered_to
from .outside import OutsideMail, OutsideWorld
from .report_texts import TEXTS
from .reports import Outcome
from .submission import Submission
from .transport import Transport


class Customers:
    """The people and servers outside, moved by tests. Coroutines run in the servers' loop.

    A message that did not leave the tenant, or is unknown, raises KeyError.
    """

    def __init__(
        self, outside: OutsideWorld, submissions: list[Submission], transport: Transport
    ) -> None:
        self._outside = outside
        self._submissions = submissions
        self._transport = transport

    def _mail(self, message_id: str, sender: str | None) -> OutsideMail:
        for mail in reversed(self._outside.mails(sender)):
            if mail.message_id == message_id:
                return mail
        raise KeyError(message_id)

    async def reply(
        self,
        message_id: str,
        text: str,
        *,
        sender: str | None = None,
        automatic: bool = False,
        attachments: Sequence[Attachment] = (),
    ) -> bytes:
        """Reply to a message as one who got it, or automatically; return the reply."""
        mail = self._mail(message_id, sender)
        prefix = TEXTS["en"].automatic if automatic else "Re: "
        extra = "Auto-Submitted: auto-replied\r\n" if automatic else ""
        said = answer(mail.content, Answer(mail.recipient, text, prefix, attachments, extra))
        return_path = "" if automatic else mail.recipient
        await self.write(said, return_path, answered_to(mail.content))
        return said

    async def write(self, content: bytes, sender: str, to: Sequence[str] = ()) -> None:
        """Deliver a message of somebody outside to its recipients of the tenant."""
        recipients = to or headers.addresses(content, "To", "Cc")
        for address in dict.fromkeys(address.lower() for address in recipients):
            if address in self._transport:
                await self._transport.arrive(address, content, sender)

    async def report(self, message_id: str, outcome: Outcome) -> None:
        """Let a server report on a submitted message, long after it was taken."""
        for sent in reversed(self._submissions):
            if sent.message_id == message_id:
                await self._transport.tell(sent, outcome)
                return
        raise KeyError(message_id)
