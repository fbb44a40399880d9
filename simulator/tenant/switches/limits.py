"""Switches of the limits that Exchange Online sets to sending."""

from dataclasses import dataclass, field
from typing import Literal

from ... import replies
from .kinds import shown

_LIMITS = "Microsoft Learn, Exchange Online limits"


@dataclass
class LimitSwitches:
    """How much a mailbox and the tenant may send, and what they hear above it."""

    connections_per_mailbox: int | None = field(
        default=3,
        metadata=shown(
            label="Connections of a mailbox",
            imitates="A message on any further connection of the same signed-in user is refused "
            "after DATA.",
            words=replies.SMTP_TOO_MANY_CONNECTIONS,
            source="Exchange Team Blog 2018-04-20; fastapi-mail#75, nodemailer#1613",
        ),
    )
    connections_words: Literal["concurrent", "thread"] = field(
        default="concurrent",
        metadata=shown(
            label="Words for too many connections",
            imitates="Two wordings of the same refusal are known.",
            words=replies.SMTP_THREAD_LIMIT,
            source="Exchange Team Blog 2018-04-20",
            options={
                "concurrent": "Concurrent connections limit exceeded",
                "thread": "sender thread limit exceeded",
            },
        ),
    )
    messages_per_minute: int | None = field(
        default=30,
        metadata=shown(
            label="Messages a minute",
            imitates="What is above is taken and carried over to the following minutes.",
            source=_LIMITS,
        ),
    )
    above_minute: Literal["delayed", "rejected"] = field(
        default="delayed",
        metadata=shown(
            label="Messages above it are",
            imitates="Delayed as documented now, or rejected as documented until 2021.",
            words=replies.SMTP_QUOTA_EXCEEDED,
            source="MicrosoftDocs/OfficeDocs-Support#1150",
            options={"delayed": "delayed", "rejected": "rejected after DATA"},
        ),
    )
    minute_seconds: int = field(
        default=60,
        metadata=shown(
            label="Length of that minute in seconds",
            imitates="Nothing of Microsoft's: lets a test see the limit without waiting.",
            source="no words of Microsoft's",
        ),
    )
    recipients_per_message: int | None = field(
        default=500,
        metadata=shown(
            label="Recipients of a message",
            imitates="Set-Mailbox -RecipientLimits, 1 to 1,000. Those above are refused at RCPT.",
            words=replies.SMTP_TOO_MANY_RECIPIENTS,
            source=f"{_LIMITS}; RFC 5321, 4.5.3.1.10",
        ),
    )
    recipients_per_day: int | None = field(
        default=10_000,
        metadata=shown(
            label="Recipients of a mailbox a day",
            imitates="24 hours, sliding; each message counts each recipient again.",
            words=replies.SMTP_QUOTA_EXCEEDED,
            source=_LIMITS,
        ),
    )
    external_recipients_per_day: int | None = field(
        default=None,
        metadata=shown(
            label="External recipients of the tenant a day",
            imitates="The tenant external recipient rate limit; recipients of the tenant do not "
            "count.",
            words=replies.SMTP_TENANT_LIMIT,
            source="Message center MC1023294; Microsoft Learn, non-delivery reports",
        ),
    )
    day_limit_told: Literal["reply", "report"] = field(
        default="reply",
        metadata=shown(
            label="A daily limit is reported",
            imitates="After DATA, or the message is taken and returned with 5.1.90 or 5.7.233.",
            words=replies.SMTP_DAILY_LIMIT,
            source="Microsoft Learn, non-delivery reports",
            options={"reply": "after DATA", "report": "in a non-delivery report"},
        ),
    )
    message_bytes: int | None = field(
        default=35 * 1024 * 1024,
        metadata=shown(
            label="Bytes of a message of a mailbox",
            imitates="Set-Mailbox -MaxSendSize. The server itself takes 150 MB.",
            words=replies.SMTP_MAX_SUBMISSION,
            source="pm2-health#52 and other public logs",
        ),
    )
    mailbox_full_for: set[str] = field(
        default_factory=set,
        metadata=shown(
            label="These mailboxes are full",
            imitates="They can neither send nor receive; what comes for them is returned.",
            words=replies.SMTP_MAILBOX_FULL,
            source="Microsoft Learn, improvements in SMTP submission",
        ),
    )
    sender_blocked_for: set[str] = field(
        default_factory=set,
        metadata=shown(
            label="These senders are blocked for spam",
            imitates="Defender, Restricted entities.",
            words=replies.SMTP_SENDER_BLOCKED,
            source="Microsoft Learn, error 5.1.8",
        ),
    )
    senders_throttled: Literal[
        "no",
        "mailbox_full",
        "send_as_denied",
        "invalid_license",
        "too_many_recipients",
        "invalid_recipients",
    ] = field(
        default="no",
        metadata=shown(
            label="Senders are throttled for continuous errors",
            imitates="Every sender, for the kind of error chosen.",
            words=replies.SMTP_THROTTLED["mailbox_full"],
            source="Microsoft Learn, continuous error throttling",
            options={
                "no": "no",
                "mailbox_full": "mailbox full (5.2.251)",
                "send_as_denied": "send as denied (5.2.252)",
                "invalid_license": "invalid license (5.2.253)",
                "too_many_recipients": "too many recipients (5.2.254)",
                "invalid_recipients": "invalid recipients (5.2.255)",
            },
        ),
    )
    throttled_after_refusals: int | None = field(
        default=None,
        metadata=shown(
            label="Refusals until a sender is throttled",
            imitates="So many of one kind throttle the sender; Microsoft publishes no figure.",
            words=replies.SMTP_THROTTLED["send_as_denied"],
            source="Microsoft Learn, continuous error throttling",
        ),
    )
    throttled_seconds: int = field(
        default=3600,
        metadata=shown(
            label="Seconds of throttling",
            imitates="Microsoft publishes no figure.",
            words=replies.SMTP_THROTTLED["send_as_denied"],
            source="Microsoft Learn, continuous error throttling",
        ),
    )
    idle_seconds: int = field(
        default=600,
        metadata=shown(
            label="Seconds until an idle connection ends",
            imitates="The server closes a connection on which nothing is said.",
            words=replies.SMTP_TIMEOUT,
            source="public logs",
        ),
    )
