"""The tables of mail: the outbox with its trail, what limits sending, and the work that is due.

None of them refers to ``m365_account``: what was sent outlives the account. All times are seconds
since 1970 by the database's clock.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    text,
)

from .tables import SEALED, metadata

__all__ = [
    "body",
    "connection_slot",
    "delivery",
    "mailing",
    "metadata",
    "recipient",
    "submitter",
    "trail",
    "work",
]

delivery = Table(
    "m365_delivery",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("account_id", String(64), nullable=False),
    Column("account_name", String(80), nullable=False),
    # One delivery for each request of the host's, however often it is repeated.
    Column("request_id", String(200), nullable=False),
    Column("message_id", String(100), nullable=False, unique=True),
    Column("document", String(200), nullable=False),
    # Whose request it was: recipients, subject and document; another content is refused.
    Column("request_digest", String(64), nullable=False),
    Column("sender", String(254), nullable=False),
    # The signed-in user, whom Microsoft's limits count.
    Column("submitter", String(254), nullable=False),
    Column("subject", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(16), nullable=False, default=""),
    # Whether it may leave now; what waits for a time is made ready when that has come.
    Column("ready", Boolean, nullable=False),
    # Leaves first where it is lower: the priority turned round.
    Column("rank", Integer, nullable=False, default=0),
    Column("queued_at", Float, nullable=False),
    Column("not_before", Float, nullable=False),
    Column("expires_at", Float),
    # The account's paused seconds when it was queued: those do not count as waiting.
    Column("paused_before", Float, nullable=False, default=0),
    Column("attempts", Integer, nullable=False, default=0),
    Column("owner", String(64)),
    Column("lease_until", Float),
    # Set at the point of no return, in a transaction of its own, before the last byte leaves.
    Column("handed_at", Float),
    Column("looks", Integer, nullable=False, default=0),
    Column("resent", Boolean, nullable=False, default=False),
    Column("partial", Boolean, nullable=False),
    Column("smtputf8", Boolean, nullable=False),
    # Whether somebody outside the tenant receives it: a tenant's limit stops these alone.
    Column("external", Boolean, nullable=False),
    # A mail to oneself that shows whether copies reach Sent Items.
    Column("control", Boolean, nullable=False, default=False),
    Column("size", BigInteger, nullable=False, default=0),
    Column("chunks", Integer, nullable=False, default=0),
    Column("body_digest", String(64), nullable=False, default=""),
    Column("transport", String(16), nullable=False, default=""),
    Column("finding", String(64), nullable=False, default=""),
    Column("server_words", Text, nullable=False, default=""),
    Column("evidence", JSON, nullable=False),
    Column("finished_at", Float),
    # When the body is deleted; None while it may be needed.
    Column("purge_at", Float),
    Column("told", JSON, nullable=False),
    # The database and host that queued it: a copy of the database sends nothing.
    Column("origin", String(400), nullable=False),
    Column("created_by", String(200), nullable=False),
    Index("uq_m365_delivery_request", "account_id", "request_id", unique=True),
    # What leaves next; the same cost with 10 or 100,000 rows that are done.
    Index(
        "ix_m365_delivery_next",
        "account_id",
        "rank",
        "queued_at",
        "id",
        # Each dialect's own way to write the condition, or the index would not serve the query.
        sqlite_where=text("state = 'queued' AND ready = 1"),
        postgresql_where=text("state = 'queued' AND ready"),
    ),
    Index(
        "ix_m365_delivery_open",
        "account_id",
        "state",
        "not_before",
        sqlite_where=text("state IN ('queued', 'sending', 'uncertain', 'writing')"),
        postgresql_where=text("state IN ('queued', 'sending', 'uncertain', 'writing')"),
    ),
    Index("ix_m365_delivery_queued_at", "queued_at", "id"),
    Index("ix_m365_delivery_account", "account_id", "queued_at", "id"),
    Index("ix_m365_delivery_document", "document", "queued_at"),
    Index(
        "ix_m365_delivery_purge_at",
        "purge_at",
        sqlite_where=text("purge_at IS NOT NULL"),
        postgresql_where=text("purge_at IS NOT NULL"),
    ),
    Index("ix_m365_delivery_submitter", "submitter", "handed_at"),
)

recipient = Table(
    "m365_recipient",
    metadata,
    Column("delivery_id", String(64), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("address", String(254), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("state", String(16), nullable=False),
    Column("finding", String(64), nullable=False, default=""),
    Column("server_words", Text, nullable=False, default=""),
)

body = Table(
    "m365_body",
    metadata,
    # The delivery, the chunk's number, and whether it is the last: sealed with it, so that no
    # chunk opens in another's place and none can be left out.
    Column("id", String(100), primary_key=True),
    Column("sealed", LargeBinary, nullable=False, info={SEALED: True}),
)

trail = Table(
    "m365_trail",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("delivery_id", String(64), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("name", String(32), nullable=False),
    Column("details", JSON, nullable=False),
)

mailing = Table(
    "m365_mailing",
    metadata,
    Column("account_id", String(64), primary_key=True),
    # Since when, until when and by what finding nothing leaves this account.
    Column("paused_at", Float),
    Column("paused_until", Float),
    Column("finding", String(64), nullable=False, default=""),
    Column("server_words", Text, nullable=False, default=""),
    # Whether the pause holds for mail that leaves the tenant only.
    Column("external_only", Boolean, nullable=False, default=False),
    Column("pauses", Integer, nullable=False, default=0),
    # All seconds that it was ever paused; they do not count as waiting.
    Column("paused_seconds", Float, nullable=False, default=0),
)

work = Table(
    "m365_work",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("account_id", String(64), primary_key=True),
    # When there is something to do; None for nothing.
    Column("due_at", Float),
    Column("owner", String(64)),
    Column("lease_until", Float),
    Index("ix_m365_work_due_at", "due_at"),
)

submitter = Table(
    "m365_submitter",
    metadata,
    Column("name", String(254), primary_key=True),
    # When the last messages were handed over: the sliding window, newest last.
    Column("handed", JSON, nullable=False),
    # Recipients handed over, by hour since 1970.
    Column("recipients", JSON, nullable=False),
    Column("halved_until", Float, nullable=False, default=0),
    # The longest time that a copy took into Sent Items, and when that was seen.
    Column("lag", Float, nullable=False, default=0),
    Column("lag_at", Float, nullable=False, default=0),
    # When a control was sent last.
    Column("control_at", Float, nullable=False, default=0),
)

connection_slot = Table(
    "m365_connection",
    metadata,
    Column("submitter", String(254), primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("lease_until", Float, nullable=False),
)
