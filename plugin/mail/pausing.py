"""An account that Microsoft refuses is paused, instead of failing mail by mail; every pause ends.

When its time is over, and after a sign-in or a Test Connection that passed, one message is tried:
if it is taken, the account is open; if not, the pause doubles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..store import outbox, work

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ...schemas.mail_settings import MailTimes
    from ..context import Change

#: Findings that pass by themselves within hours; all others last until somebody acts.
_SHORT = frozenset({"quota_exceeded", "mailbox_full", "sender_throttled", "tenant_quota_exceeded"})
#: The tenant's own limit: only mail that leaves it is refused.
_EXTERNAL_ONLY = frozenset({"tenant_quota_exceeded"})


def pause(change: Change, account_id: str, code: str, server_words: str, times: MailTimes) -> None:
    """Pause an account, or make its pause longer if it was being tried again."""
    connection = change.connection
    now = outbox.clock(connection)
    row = work.read_mailing(connection, account_id)
    pauses = row.pauses + 1 if row.paused_at is not None else 1
    until = now + _seconds(code, pauses, times)
    work.change_mailing(
        connection,
        account_id,
        paused_at=row.paused_at or now,
        paused_until=until,
        finding=code,
        server_words=server_words,
        external_only=code in _EXTERNAL_ONLY,
        pauses=pauses,
    )
    work.wake(connection, "deliver", account_id, until)
    if row.paused_at is None:
        change.happened("account_paused", account_id, code=code)


def _seconds(code: str, pauses: int, times: MailTimes) -> float:
    if code not in _SHORT:
        return times.pause_long
    return min(times.pause_short * 2.0 ** min(pauses - 1, 10), times.pause_short_most)


def resume(change: Change, account_id: str) -> None:
    """End a pause, if there is one: a message was just taken."""
    row = work.read_mailing(change.connection, account_id)
    if row.paused_at is None:
        return
    now = outbox.clock(change.connection)
    work.change_mailing(
        change.connection,
        account_id,
        paused_at=None,
        paused_until=None,
        finding="",
        server_words="",
        external_only=False,
        pauses=0,
        paused_seconds=row.paused_seconds + max(0.0, now - row.paused_at),
    )
    work.wake(change.connection, "deliver", account_id, now)
    change.happened("account_resumed", account_id, code=row.finding)


def try_now(connection: Connection, account_id: str) -> None:
    """Let one message be tried at once: something has changed that may have ended the cause."""
    now = outbox.clock(connection)
    if work.read_mailing(connection, account_id).paused_at is not None:
        work.change_mailing(connection, account_id, paused_until=now)
        work.wake(connection, "deliver", account_id, now)


def settle_soon(connection: Connection, account_id: str) -> None:
    """Have the jobs settle the mail of an account that is gone: take back, look for, tell."""
    now = outbox.clock(connection)
    for kind in ("deliver", "look"):
        work.wake(connection, kind, account_id, now)
