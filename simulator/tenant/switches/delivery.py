"""Switches of what becomes of a message that was taken."""

from dataclasses import dataclass, field
from typing import Literal

from ... import replies
from .kinds import Addresses, shown


@dataclass
class DeliverySwitches:
    """Copies in Sent Items, delivery, reports and automatic replies."""

    sent_copy: Literal["submitter", "sender", "both", "none"] = field(
        default="submitter",
        metadata=shown(
            label="Copy in Sent Items of",
            imitates="Set-Mailbox -MessageCopyForSMTPClientSubmissionEnabled (the signed-in "
            "user), -MessageCopyForSentAsEnabled (the shared mailbox).",
            source="Microsoft Learn, Set-Mailbox",
            options={
                "submitter": "the signed-in user",
                "sender": "the mailbox in From",
                "both": "both",
                "none": "nobody",
            },
        ),
    )
    sent_copy_seconds: int = field(
        default=0,
        metadata=shown(
            label="Seconds until that copy is there",
            imitates="Exchange files the copy some time after its answer.",
            source="public reports",
        ),
    )
    delivery_seconds: int = field(
        default=0,
        metadata=shown(
            label="Seconds until a message is delivered",
            imitates="A queue, for recipients inside and outside.",
            source="no words of Microsoft's",
        ),
    )
    refused_outside: Addresses = field(
        default_factory=set,
        metadata=shown(
            label="Addresses or domains outside that refuse",
            imitates="Another organization's server; the sender gets a non-delivery report.",
            words=replies.NDR_REFUSED_OUTSIDE,
            source="RFC 3463, 5.1.1; public reports",
        ),
    )
    delayed_outside: Addresses = field(
        default_factory=set,
        metadata=shown(
            label="Addresses or domains outside that delay",
            imitates="The sender gets a delay report; the message waits until this is cleared.",
            words=replies.NDR_DELAYED,
            source="RFC 3463, 4.4.7; Microsoft Learn, delivery reports",
        ),
    )
    automatic_replies_for: set[str] = field(
        default_factory=set,
        metadata=shown(
            label="Automatic replies of these mailboxes",
            imitates="Set-MailboxAutoReplyConfiguration; once for each sender.",
            words="Automatic reply:",
            source="Microsoft Learn, automatic replies; public mails",
        ),
    )
    report_language: Literal["mailbox", "en", "de", "fr", "es", "nl", "it", "pt", "ja"] = field(
        default="mailbox",
        metadata=shown(
            label="Language of reports and automatic replies",
            imitates="Exchange writes them in the language of the mailbox.",
            words="Undeliverable:",
            source="public mails",
            options={
                "mailbox": "the mailbox's",
                "en": "English",
                "de": "German",
                "fr": "French",
                "es": "Spanish",
                "nl": "Dutch",
                "it": "Italian",
                "pt": "Portuguese",
                "ja": "Japanese",
            },
        ),
    )
