"""What becomes of a message: the copy in Sent Items, delivery, reports, automatic replies."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from .. import replies
from . import headers
from .answers import automatic_reply, is_automatic
from .mailboxes import Mailboxes
from .outside import OutsideMail, OutsideWorld, concerns
from .people import DOMAIN, Person
from .policies import Policies
from .reports import Action, Outcome, report
from .submission import Recipient, Submission

Step = Callable[[], Coroutine[Any, Any, None]]
_DONE = {"delivered": "250 2.1.5 Delivered", "relayed": "250 2.1.9 Relayed"}


class Transport:
    """Takes messages to where they go. Its coroutines run in the servers' event loop."""

    def __init__(
        self,
        people: Mapping[str, Person],
        mailboxes: Mailboxes,
        policies: Policies,
        outside: OutsideWorld,
    ) -> None:
        self._people = people
        self._mailboxes = mailboxes
        self._policies = policies
        self._outside = outside
        self._answered: set[tuple[str, str]] = set()
        self._waiting: set[asyncio.Task[None]] = set()

    def __contains__(self, address: str) -> bool:
        return address in self._mailboxes

    def reset(self) -> None:
        """Drop what is on its way, and let every sender get an automatic reply again."""
        for task in self._waiting:
            task.cancel()
        self._answered.clear()

    async def submit(self, sent: Submission, trace: bytes, seconds: float) -> None:
        """File the copy and deliver a submission; `seconds` from now, or before returning."""
        copy = seconds + self._policies.sent_copy_seconds
        await self._after(copy, lambda: self._file_copies(sent))
        arriving = seconds + self._policies.delivery_seconds
        await self._after(arriving, lambda: self._deliver(sent, trace))

    async def _after(self, seconds: float, step: Step) -> None:
        if seconds <= 0:
            await step()
            return

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await step()

        task = asyncio.get_running_loop().create_task(wait())
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _file_copies(self, sent: Submission) -> None:
        """File copies as Exchange does with what SMTP AUTH submits."""
        whose = {
            "submitter": [sent.user],
            "sender": [sent.mail_from.lower()],
            "both": list(dict.fromkeys([sent.user, sent.mail_from.lower()])),
            "none": [],
        }
        for address in whose[self._policies.sent_copy]:
            if address in self._mailboxes:
                await self._mailboxes.file_as_sent(address, sent.content)

    async def _deliver(self, sent: Submission, trace: bytes) -> None:
        content = trace + headers.without(sent.content, "Bcc")
        for recipient in sent.to:
            await self._deliver_to(recipient, sent, content)

    async def _deliver_to(self, to: Recipient, sent: Submission, content: bytes) -> None:
        address = to.address.lower()
        action: Action = "failed"
        if is_outside(address):
            action, words = self._hand_over(to.address, sent.mail_from, content)
        elif address not in self._mailboxes:
            words = replies.NDR_UNKNOWN
        elif address in self._policies.mailbox_full_for:
            words = replies.NDR_MAILBOX_FULL
        else:
            action, words = "delivered", _DONE["delivered"]
            await self.arrive(address, content, sent.mail_from)
        event = {"failed": "FAILURE", "delayed": "DELAY"}.get(action, "SUCCESS")
        if to.wants(event):
            await self.tell(sent, Outcome(action, to.address, words, to.original))

    def _hand_over(self, address: str, sender: str, content: bytes) -> tuple[Action, str]:
        if concerns(self._policies.refused_outside, address):
            return "failed", replies.NDR_REFUSED_OUTSIDE
        mail = OutsideMail(address, sender, content)
        if concerns(self._policies.delayed_outside, address):
            self._outside.waiting.append(mail)
            return "delayed", replies.NDR_DELAYED
        self._outside.take(mail)
        return "relayed", _DONE["relayed"]

    def retry(self) -> None:
        """Hand over what waits for servers outside that no longer delay it."""
        waiting, self._outside.waiting = self._outside.waiting, []
        for mail in waiting:
            self._hand_over(mail.recipient, mail.sender, mail.content)

    async def arrive(self, mailbox: str, content: bytes, sender: str) -> None:
        """Deliver a message to a mailbox, which may answer it automatically."""
        await self._mailboxes.deliver(mailbox, content)
        known = (mailbox, sender.lower())
        if (
            mailbox in self._policies.automatic_replies_for
            and sender
            and known not in self._answered
            and not is_automatic(content)
        ):
            self._answered.add(known)
            said = automatic_reply(content, self._people[mailbox], self.language(mailbox))
            answer = Submission(mailbox, "", (Recipient(sender),), said)
            await self._deliver(answer, b"")

    async def tell(self, sent: Submission, outcome: Outcome) -> None:
        """Put a report into the inbox of a submission's sender."""
        mailbox = sent.mail_from.lower()
        if mailbox in self._mailboxes:
            said = report(sent, outcome, self.language(mailbox))
            await self._mailboxes.deliver(mailbox, said)

    def language(self, mailbox: str) -> str:
        """Return the language in which Exchange writes for this mailbox."""
        chosen = self._policies.report_language
        return self._people[mailbox].layout.language if chosen == "mailbox" else chosen


def is_outside(address: str) -> bool:
    """Return whether an address is of another organization."""
    return address.lower().rpartition("@")[2] != DOMAIN
