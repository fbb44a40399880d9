"""How mail is sent: Microsoft's limits, what is kept, and every time in one table of seconds.

Leases and waits are compared with the database's clock, and one that lies further ahead than its
longest counts as none: a clock that was set back stops nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

#: What may become of an uncertain mail that is not found.
ON_UNCERTAIN = ("by_evidence", "ask")

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTimes:
    """Seconds, and tuples of seconds; `scaled` is how harnesses make them short."""

    #: How long a worker holds a mail that it prepares; each step up to the hand-over renews it.
    prepare_lease: float = 60.0
    #: How long the reply to the end of data may take: in a host's call, and in a job. RFC 5321
    #: §4.5.3.2.6 asks for 10 minutes.
    reply_in_call: float = 25.0
    reply_in_job: float = 600.0
    #: What the lease lasts beyond the reply's time, so that the socket's deadline ends first.
    lease_margin: float = 15.0
    #: How long the steps up to the end of data may take together.
    transfer: float = 300.0
    #: An account's work is one process's, and each mail renews this. Where it ends before a reply
    #: comes, another process goes on with the next mail: each mail has its own lease.
    work_lease: float = 60.0
    #: A row whose body is still being written belongs to its writer for so long.
    write_lease: float = 60.0
    #: Looks for an uncertain mail, from the hand-over on.
    looks: tuple[float, ...] = (15.0, _MINUTE, 3 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE)
    #: The longest lag of a copy with which a mail that is not there counts as not sent.
    lag_allowed: float = 10 * _MINUTE
    #: How long a lag that was seen is remembered.
    lag_memory: float = 30 * _DAY
    #: What waited untried for longer may have left before a backup was restored: looked for first.
    forgotten: float = _HOUR
    #: Waits after a passing refusal; the last one repeats.
    retries: tuple[float, ...] = tuple(m * _MINUTE for m in (1, 2, 5, 10, 20, 40, 60))
    #: A mail that has waited so long is told of as delayed, once.
    delayed_after: float = _HOUR
    #: A mail is given up after so long, if it was tried at least `least_attempts` times.
    give_up: float = _DAY
    least_attempts: int = 5
    #: What waited so long behind a pause is not sent unasked any more.
    hold: float = 3 * _DAY
    #: Waits of a paused account: first and longest, by what paused it.
    pause_short: float = _HOUR
    pause_short_most: float = 6 * _HOUR
    pause_long: float = _DAY
    #: Reminders that an uncertain mail waits for a person; after the last one it is given up.
    reminders: tuple[float, ...] = (_DAY, 7 * _DAY)
    never_known: float = 30 * _DAY
    #: The submitter's sliding window, and how long a throttle word halves its rate.
    window: float = _MINUTE
    halved: float = _HOUR
    #: One bucket of the recipients of a day, and how many buckets make the day.
    bucket: float = _HOUR
    buckets: int = 24
    #: A connection's lease; each command renews it.
    connection_lease: float = 300.0
    #: How long a place in the window or a connection is waited for within a run.
    place_wait: float = 5.0
    #: How long a test mail may take to be sent, to show its copy, and to arrive; each.
    self_test: float = 30.0
    #: Bodies: of failed mails, of orphans.
    keep_failed: float = 30 * _DAY
    keep_orphans: float = _DAY

    def scaled(self, factor: float) -> Self:
        """Return the table with every time multiplied; counts stay."""
        changed: dict[str, Any] = {}
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, tuple):
                changed[each.name] = tuple(item * factor for item in value)
            elif isinstance(value, float):
                changed[each.name] = value * factor
        return replace(self, **changed)

    @property
    def longest_lease(self) -> float:
        """The longest time for which a mail is ever held."""
        return max(self.prepare_lease, self.reply_in_job + self.lease_margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """What the administrator may set of sending; Microsoft's figures are its own defaults.

    Sources: Microsoft Learn, "Exchange Online limits" (messages a minute, recipients, size) and
    Exchange Team Blog, 2018-04-20 (connections).
    """

    #: Of the 3 connections that Microsoft gives a mailbox, and of its 30 messages a minute.
    connections: int = 2
    messages_per_minute: int = 28
    recipients_per_day: int = 10_000
    recipients_per_message: int = 500
    #: Bytes of a whole message; a mailbox takes 35 MB unless its administrator raised that.
    max_bytes: int = 35 * 1024 * 1024
    #: What becomes of an uncertain mail that is not found: ``by_evidence`` or ``ask`` a person.
    on_uncertain: str = "by_evidence"
    #: Days that the body of a sent mail is kept.
    outbox_keep_days: int = 0
    #: Transports in the order in which they are tried.
    transports: tuple[str, ...] = ("smtp",)
    #: The account that sends for an address that no account has.
    default_account: str | None = None
    times: MailTimes = field(default_factory=MailTimes)
