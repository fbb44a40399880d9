"""What the states of mail are called on the pages, and what each decision means."""

from __future__ import annotations

import hashlib
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...hooks import Decision, DeliveryState, RecipientState, WaitReason
from ..erp.quote_pdf import price
from ..erp.workers import WORKERS
from .menus import account_path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...hooks import Delivery, Finding, TrailStep

STATES = MappingProxyType(
    {
        DeliveryState.QUEUED: "Waiting",
        DeliveryState.SENDING: "Being sent",
        DeliveryState.SENT: "Sent",
        DeliveryState.UNCERTAIN: "Uncertain",
        DeliveryState.FAILED: "Not sent",
        DeliveryState.CANCELLED: "Taken back",
    }
)
TONES = MappingProxyType(
    {
        DeliveryState.SENT: "good",
        DeliveryState.UNCERTAIN: "bad",
        DeliveryState.FAILED: "bad",
    }
)
#: Of these something may still become by itself: their pages look again.
MOVING = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNCERTAIN})
REASONS = MappingProxyType(
    {
        WaitReason.NONE: "It leaves with the next run.",
        WaitReason.SCHEDULED: "It is to leave later.",
        WaitReason.RATE: "The mailbox has sent all that it may send in a minute.",
        WaitReason.CONNECTIONS: "All connections of the mailbox are in use.",
        WaitReason.RETRY: "It is tried again.",
        WaitReason.PAUSED: "The account is paused.",
    }
)
UNCERTAIN = "It was handed over and the server's reply was lost. A copy is being looked for."
RECIPIENTS = MappingProxyType(
    {
        RecipientState.WAITING: "Waiting",
        RecipientState.ACCEPTED: "Accepted",
        RecipientState.REFUSED: "Refused",
        RecipientState.DELAYED: "Delayed",
        RecipientState.BOUNCED: "Came back",
        RecipientState.REPLIED: "Answered",
    }
)
DECISIONS = MappingProxyType(
    {
        Decision.CANCEL: ("Take back", "It is not sent."),
        Decision.RETRY_NOW: ("Try now", "It leaves as soon as the account may send."),
        Decision.ARRIVED: ("It arrived", "You know that the recipient has it: it counts as sent."),
        Decision.SEND_AGAIN: (
            "Send again",
            "The recipient may get it twice. Many mail programs show one of the two only.",
        ),
        Decision.GIVE_UP: ("Give up", "Nothing more is tried: it counts as not sent."),
    }
)
DONE = MappingProxyType(
    {
        Decision.CANCEL: "Taken back. It is not sent.",
        Decision.RETRY_NOW: "It is tried as soon as the account may send.",
        Decision.ARRIVED: "It counts as sent.",
        Decision.SEND_AGAIN: "It is sent again.",
        Decision.GIVE_UP: "Given up. It counts as not sent.",
    }
)


def why(delivery: Delivery) -> str:
    """Return in a sentence why a mail is not sent yet; nothing for one that is settled."""
    if delivery.state is DeliveryState.UNCERTAIN:
        return UNCERTAIN
    return REASONS[delivery.reason] if delivery.state is DeliveryState.QUEUED else ""


def trouble(delivery: Delivery) -> Finding | None:
    """Return what keeps a mail from arriving; None once it is sent or taken back."""
    over = delivery.state in (DeliveryState.SENT, DeliveryState.CANCELLED)
    return None if over else delivery.finding


def moving(deliveries: Iterable[Delivery]) -> bool:
    """Return whether something may still become of one of them by itself."""
    return any(delivery.state in MOVING for delivery in deliveries)


def fingerprint(deliveries: Iterable[Delivery]) -> str:
    """Return a short text that changes whenever a page of these mails would look otherwise."""
    seen = [
        (each.id, each.state, each.reason, each.not_before, each.attempts, each.recipients)
        for each in deliveries
    ]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def size(count: int) -> str:
    """Return a number of bytes as a person reads it."""
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def outbox_path(account_id: str) -> str:
    """Return the address of an account's outbox."""
    return account_path(account_id, "outbox")


def told(step: TrailStep) -> str:
    """Return what a step of a trail says, with the label of the worker who caused it."""
    by = step.details.get("by", "")
    if by not in WORKERS:
        return step.text
    return re.sub(rf"\b{re.escape(by)}\b", WORKERS[by].label, step.text, count=1)


FILTERS = {"price": price, "size": size, "told": told, "trouble": trouble, "why": why}
GLOBALS = {
    "decisions": DECISIONS,
    "mail_states": STATES,
    "mail_tones": TONES,
    "outbox_path": outbox_path,
    "recipient_states": RECIPIENTS,
}
