"""The tenant Contoso: its people, its policies, and what an administrator does by hand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..serving import Loop
from .answers import Attachment
from .consents import EVERYBODY, Consents, RefreshTokens
from .customers import Customers
from .mailboxes import Mailboxes
from .outside import OutsideWorld
from .people import DOMAIN, FULL_ACCESS, PASSWORD, PEOPLE, SEND_AS, TENANT_ID, Person
from .policies import Policies
from .reports import Outcome
from .scopes import MAIL_SCOPES
from .submission import Submission
from .transport import Transport


@dataclass
class Tenant:
    """What the simulator's servers look at, and the switches that tests and the panel turn.

    Methods may be called from any thread but the server's own. Unknown mailboxes and folders
    raise KeyError, folders that exist already ValueError.
    """

    policies: Policies
    consents: Consents = field(repr=False)
    refresh_tokens: RefreshTokens = field(repr=False)
    mailboxes: Mailboxes = field(repr=False)
    loop: Loop = field(repr=False)
    people: dict[str, Person] = field(repr=False)
    id: str = TENANT_ID
    domain: str = DOMAIN
    full_access: set[tuple[str, str]] = field(default_factory=lambda: set(FULL_ACCESS))
    send_as: set[tuple[str, str]] = field(default_factory=lambda: set(SEND_AS))
    submissions: list[Submission] = field(default_factory=list)
    #: what was sent to other organizations
    outside: OutsideWorld = field(default_factory=OutsideWorld, repr=False)

    def __post_init__(self) -> None:
        self.transport = Transport(self.people, self.mailboxes, self.policies, self.outside)
        self.customers = Customers(self.outside, self.submissions, self.transport)

    def add_people(self, people: Iterable[Person]) -> None:
        """Give further people a mailbox; `reset()` takes it away again."""
        self.people.update({person.address: person for person in people})

    def person(self, address: str) -> Person | None:
        """Return who has this address; case does not matter."""
        return self.people.get(address.lower())

    def signs_in(self, address: str, password: str) -> Person | int:
        """Return who signs in, or the AADSTS code of the refusal."""
        person = self.person(address.strip())
        if person is None:
            return 50034
        if not person.signs_in:
            return 50057
        return person if password == PASSWORD else 50126

    def may_open(self, user: str, mailbox: str) -> bool:
        """Return whether the user is the mailbox's owner or has Full Access."""
        return user == mailbox or (mailbox, user) in self.full_access

    def may_send_as(self, user: str, sender: str) -> bool:
        """Return whether the user is the sender or has SendAs."""
        return user == sender.lower() or (sender.lower(), user) in self.send_as

    def is_own(self, address: str) -> bool:
        """Return whether a tenant path or an address's domain names this tenant."""
        return address in (self.id, self.domain)

    def grant_consent(self, user: str | None = None, scopes: Iterable[str] = MAIL_SCOPES) -> None:
        """Consent for one user, or, as the administrator, for everybody."""
        self.consents.grant(user or EVERYBODY, scopes)

    def withdraw_consent(self, user: str | None = None) -> None:
        """Take back one user's consent, or every consent in the tenant."""
        self.consents.withdraw(user)

    def revoke_grants(self, user: str) -> None:
        """Revoke a user's refresh tokens, as *Revoke sessions* in Entra does (AADSTS50173)."""
        self.refresh_tokens.revoke(user)

    def create_folder(self, mailbox: str, path: str) -> None:
        """Create a folder; `/` separates levels."""
        self.loop.run(self.mailboxes.create_folder(mailbox, path))

    def rename_folder(self, mailbox: str, old: str, new: str) -> None:
        """Rename a folder and what lies in it; UIDVALIDITY stays."""
        self.loop.run(self.mailboxes.rename_folder(mailbox, old, new))

    def delete_folder(self, mailbox: str, path: str) -> None:
        """Delete a folder; the next one of its name has another UIDVALIDITY."""
        self.loop.run(self.mailboxes.delete_folder(mailbox, path))

    def renew_uid_validity(self, mailbox: str, path: str) -> None:
        """Give a folder another UIDVALIDITY; sessions that have it open end."""
        self.loop.run(self.mailboxes.renew_uid_validity(mailbox, path))

    def folders(self, mailbox: str) -> list[str]:
        """Return the paths of a mailbox's folders."""
        return self.loop.run(self.mailboxes.folders(mailbox))

    def deliver(self, mailbox: str, content: bytes, folder: str = "INBOX") -> None:
        """Put a message (RFC 5322) into a folder."""
        self.loop.run(self.mailboxes.deliver(mailbox, content, folder))

    def messages(self, mailbox: str, folder: str = "INBOX") -> list[bytes]:
        """Return the messages of a folder, oldest first."""
        return self.loop.run(self.mailboxes.messages(mailbox, folder))

    def reply(
        self,
        message_id: str,
        text: str,
        *,
        sender: str | None = None,
        automatic: bool = False,
        attachments: Sequence[Attachment] = (),
    ) -> bytes:
        """Let somebody outside who got this message reply to it; return the reply.

        Raises KeyError if nobody (or not `sender`) got it.
        """
        said = self.customers.reply(
            message_id, text, sender=sender, automatic=automatic, attachments=attachments
        )
        return self.loop.run(said)

    def report(self, message_id: str, outcome: Outcome) -> None:
        """Put a report about a submitted message into its sender's inbox.

        Raises KeyError if the message was not submitted.
        """
        self.loop.run(self.customers.report(message_id, outcome))

    async def reset(self) -> None:
        """Put everything back to the beginning and refuse the refresh tokens given so far."""
        self.policies.reset()
        self.consents.withdraw()
        self.refresh_tokens.reset()
        self.full_access = set(FULL_ACCESS)
        self.send_as = set(SEND_AS)
        self.submissions.clear()
        self.outside.clear()
        self.transport.reset()
        self.people.clear()
        self.people.update(PEOPLE)
        await self.mailboxes.reset()
