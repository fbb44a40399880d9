"""Rows of the outbox as values for the host: states, findings, the trail in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ...schemas.delivery import (
    Decision,
    Delivery,
    DeliveryRecipient,
    DeliveryState,
    RecipientState,
    TrailStep,
    WaitReason,
)
from ..findings.catalogue import finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...schemas.report import Finding
    from ..store.outbox import DeliveryRow, RecipientRow, TrailRow
    from ..store.work import MailingRow

#: What each step of a trail says; a step of a newer version is shown by its name.
STEPS = {
    "queued": "Queued by {by}",
    "sent": "Taken by the mail server: {words}",
    "refused_for_now": "Refused for now: {words}",
    "paused": "The account is paused: {words}",
    "uncertain": "Handed over, but the server's reply did not arrive",
    "not_found": "Looked for a copy: none was there",
    "look_failed": "Looked for a copy: the mailbox could not be opened",
    "found": "A copy was found: {folder}, UID {uid}",
    "decided": "{by} says that it arrived",
    "send_again": "Sent again, because a later mail's copy is there and this one's is not",
    "asked_again": "Sent again by {by}",
    "failed": "Not sent: {words}",
    "cancelled": "Taken back by {by}",
    "left_behind": "Taken back by {by}: this database is a copy, and the other one sends it",
    "restored": "The database was restored from a backup: it may have been sent since then",
}
_DECISIONS = {
    DeliveryState.QUEUED: (Decision.CANCEL, Decision.GIVE_UP, Decision.RETRY_NOW),
    DeliveryState.UNCERTAIN: (Decision.ARRIVED, Decision.SEND_AGAIN, Decision.GIVE_UP),
    DeliveryState.FAILED: (Decision.RETRY_NOW, Decision.ARRIVED),
}


class _Known(dict[str, str]):
    """Details of a step; what is missing reads as nothing."""

    def __missing__(self, _name: str) -> str:
        return "…"


def moment(seconds: float | None) -> datetime | None:
    """Return a time of the database's clock with its zone."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def shown(
    row: DeliveryRow,
    recipients: Sequence[RecipientRow],
    mailing: MailingRow,
    trail: Sequence[TrailRow] = (),
) -> Delivery:
    """Return a delivery as the host shows it; a pause of the account is its reason to wait."""
    state = DeliveryState(row.state)
    paused = state is DeliveryState.QUEUED and _holds(mailing, row)
    reason = WaitReason.PAUSED if paused else WaitReason(row.reason)
    waits = not row.ready and state is DeliveryState.QUEUED
    not_before = moment(mailing.paused_until if paused else row.not_before if waits else None)
    queued_at = moment(row.queued_at)
    assert queued_at is not None  # noqa: S101 - the column is never empty
    return Delivery(
        id=row.id,
        account_id=row.account_id,
        request_id=row.request_id,
        document=row.document,
        message_id=row.message_id,
        subject=row.subject,
        sender=row.sender,
        state=state,
        reason=reason,
        not_before=not_before,
        queued_at=queued_at,
        finished_at=moment(row.finished_at),
        attempts=row.attempts,
        size=row.size,
        recipients=tuple(map(_recipient, recipients)),
        transport=row.transport,
        server_words=mailing.server_words if paused else row.server_words,
        finding=_finding(row, mailing.finding if paused else row.finding),
        evidence=row.evidence,
        decisions=_DECISIONS.get(state, ()),
        trail=tuple(map(_step, trail)),
    )


def _holds(mailing: MailingRow, row: DeliveryRow) -> bool:
    return mailing.paused_at is not None and (row.external or not mailing.external_only)


def _finding(row: DeliveryRow, code: str) -> Finding | None:
    if not code:
        return None
    return finding(
        code,
        server_words=row.server_words,
        username=row.submitter,
        sender=row.sender,
        mailbox=row.sender,
    )


def _recipient(row: RecipientRow) -> DeliveryRecipient:
    return DeliveryRecipient(
        address=row.address,
        name=row.name,
        kind=row.kind,
        state=RecipientState(row.state),
        server_words=row.server_words,
        finding=finding(row.finding, server_words=row.server_words) if row.finding else None,
    )


def _step(row: TrailRow) -> TrailStep:
    at = moment(row.at)
    assert at is not None  # noqa: S101 - the column is never empty
    text = STEPS.get(row.name, row.name).format_map(_Known(row.details))
    return TrailStep(at=at, name=row.name, text=text, details=dict(row.details))
