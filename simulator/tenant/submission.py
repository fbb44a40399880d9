"""A message as it was submitted: its envelope, its content, and what reports were asked for."""

from dataclasses import dataclass, field

#: NOTIFY of RFC 3461: NEVER, or some of SUCCESS, FAILURE and DELAY
Notify = frozenset[str]


@dataclass(frozen=True)
class Recipient:
    """One recipient. Without `notify` reports come as Exchange sends them by itself."""

    address: str
    notify: Notify | None = None
    #: ORCPT of RFC 3461, such as `rfc822;info@example.com`
    original: str | None = None

    def wants(self, event: str) -> bool:
        """Return whether a report of SUCCESS, FAILURE or DELAY is wanted."""
        if self.notify is None:
            return event in ("FAILURE", "DELAY")
        return event in self.notify


@dataclass(frozen=True)
class Submission:
    """One message that was accepted.

    `content` is what the client sent, with a Date and a Message-ID where it had none. `mail_from`
    is empty for what nobody wants reports about.
    """

    user: str
    mail_from: str
    to: tuple[Recipient, ...]
    content: bytes = field(repr=False)
    message_id: str = ""
    #: RET of RFC 3461: FULL, or HDRS for reports with the header only
    returned: str = "FULL"
    envelope_id: str | None = None

    @property
    def recipients(self) -> tuple[str, ...]:
        """The addresses of the recipients."""
        return tuple(recipient.address for recipient in self.to)
