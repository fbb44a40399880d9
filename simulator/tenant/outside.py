"""The world outside the tenant: what was sent there, for tests to read."""

from dataclasses import dataclass, field

from . import headers


@dataclass(frozen=True)
class OutsideMail:
    """One message as one recipient outside got it."""

    recipient: str
    sender: str
    content: bytes = field(repr=False)

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return headers.value(self.content, "Message-ID")

    @property
    def subject(self) -> str:
        """Its subject, decoded."""
        return headers.text(self.content, "Subject")


class OutsideWorld:
    """One mailbox for everybody outside, oldest first; what is delayed waits."""

    def __init__(self) -> None:
        self._arrived: list[OutsideMail] = []
        self.waiting: list[OutsideMail] = []

    def take(self, mail: OutsideMail) -> None:
        """Let a message arrive."""
        self._arrived.append(mail)

    def mails(self, recipient: str | None = None) -> list[OutsideMail]:
        """Return what arrived, for one address or for everybody."""
        if recipient is None:
            return list(self._arrived)
        wanted = recipient.lower()
        return [mail for mail in self._arrived if mail.recipient.lower() == wanted]

    def clear(self) -> None:
        """Forget everything."""
        self._arrived.clear()
        self.waiting.clear()


def concerns(entries: set[str], address: str) -> bool:
    """Return whether an address, or its domain, is among the entries."""
    lower = address.lower()
    return lower in entries or lower.rpartition("@")[2] in entries
