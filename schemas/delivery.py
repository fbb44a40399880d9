"""What became of a mail: its state, its recipients, and every step with its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .report import Finding


class DeliveryState(StrEnum):
    """Where a mail is on its way.

    ``uncertain`` is a mail that was handed over and whose acceptance nobody has seen: it is looked
    for, and never sent again without evidence.
    """

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WaitReason(StrEnum):
    """Why a queued mail has not left yet."""

    NONE = ""
    SCHEDULED = "scheduled"
    RATE = "rate"
    CONNECTIONS = "connections"
    RETRY = "retry"
    PAUSED = "paused"


class RecipientState(StrEnum):
    """What is known of one recipient."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DELAYED = "delayed"
    BOUNCED = "bounced"
    REPLIED = "replied"


class Decision(StrEnum):
    """What a person may decide about a mail; ``salesorder_mail_decide`` says when."""

    CANCEL = "cancel"
    ARRIVED = "arrived"
    SEND_AGAIN = "send_again"
    GIVE_UP = "give_up"
    RETRY_NOW = "retry_now"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecipient:
    """One recipient: `kind` is ``to``, ``cc`` or ``bcc``; `server_words` are about this one."""

    address: str
    name: str
    kind: str
    state: RecipientState
    server_words: str = ""
    finding: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStep:
    """One step of a mail's way: what happened, when, and to whom or by whom."""

    at: datetime
    name: str
    text: str
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One mail in the outbox. `id` begins with ``m365:``.

    `not_before` is when it is tried next, with the `reason` of the wait. `evidence` says where a
    copy was found (folder, UID). `decisions` are those that ``salesorder_mail_decide`` takes now.
    """

    id: str
    account_id: str
    request_id: str
    document: str
    message_id: str
    subject: str
    sender: str
    state: DeliveryState
    reason: WaitReason
    not_before: datetime | None
    queued_at: datetime
    finished_at: datetime | None
    attempts: int
    size: int
    recipients: tuple[DeliveryRecipient, ...]
    transport: str = ""
    server_words: str = ""
    finding: Finding | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    trail: tuple[TrailStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPart:
    """One part of a mail that is shown: its media type, name and size in bytes before encoding."""

    media_type: str
    name: str
    size: int
    inline_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPreview:
    """What would be sent. `digest` is that of the content; `size` counts the encoded bytes.

    `leaves_at` is None for at once; `findings` are what would keep it from leaving now.
    """

    sender: str
    submitter: str
    envelope: tuple[str, ...]
    header_text: str
    size: int
    parts: tuple[MailPart, ...]
    transport: str
    leaves_at: datetime | None
    findings: tuple[Finding, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work that is due: its kind (``deliver``, ``look``), the account, and since when."""

    kind: str
    account_id: str
    due_at: datetime
    priority: int = 0
