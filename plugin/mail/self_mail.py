"""A mail to oneself: shows that sending works, that a copy is filed, and that the id is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.account import FormErrors
from ...schemas.outgoing import Address, OutgoingMail
from ...schemas.permission import SYSTEM
from ..store import accounts
from ..store.engines import reading, writing
from ..store.outbox import settle
from .queueing import Queue

if TYPE_CHECKING:
    from ..context import Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow

_TEXT = """\
This message was sent by {erp} through the mail account “{account}”, to itself.

It shows whether mail can be sent as {sender} and whether a copy is kept in Sent Items.
It can be deleted.
"""


def self_mail(row: AccountRow, erp: str) -> OutgoingMail:
    """Return a mail from the account's sender to the person who is signed in."""
    form = row.form
    return OutgoingMail(
        to=(Address(form.username),),
        subject=f"Test mail of {form.account_name}",
        text=_TEXT.format(erp=erp, account=form.account_name, sender=form.sender_email),
        automatic=True,
    )


def queue_control(context: Context, account_id: str, request_id: str) -> DeliveryRow | None:
    """Queue a mail to oneself once for this request; None for an account that is gone."""
    with reading(context.engine) as connection:
        row = accounts.read_account(connection, account_id)
    if row is None:
        return None
    mail = self_mail(row, context.settings.base_url)
    queued = Queue(context).add(row, mail, SYSTEM, request_id)
    if isinstance(queued, FormErrors):
        return None
    with writing(context.engine) as connection:
        settle(connection, queued.id, {"control": True})
    return queued
