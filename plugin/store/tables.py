"""The tables, all prefixed ``m365_`` so that they may share a database with the host's own.

Times that leases compare are seconds since 1970 by the database's clock; others are the host's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class UtcDateTime(TypeDecorator[datetime]):
    """A moment with its time zone: SQLite keeps none, so UTC is stored and put back."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the moment in UTC."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Return the moment with its time zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: Marks the columns that `sealing` seals, for `resealing` to find them.
SEALED = "m365_sealed"


def _sealed(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable, info={SEALED: True})


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)


def _account_id(*, primary_key: bool) -> Column[str]:
    return Column(
        "account_id",
        String(64),
        ForeignKey("m365_account.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


account = Table(
    "m365_account",
    metadata,
    Column("id", String(64), primary_key=True),
    # One account per submission of the form, however often the host retries it.
    Column("request_id", String(200), nullable=False, unique=True),
    Column("name", String(80), nullable=False),
    Column("name_key", String(200), nullable=False, unique=True),
    Column("sender_name", String(120), nullable=False),
    Column("sender_email", String(254), nullable=False),
    Column("username", String(254), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", String(200), nullable=False),
    Column("report", JSON),
    # Counts the saves, so that of two forms opened at once the later one notices the earlier.
    Column("version", Integer, nullable=False, server_default="1"),
    # SHA-256 of the values that came with `request_id`: other values are another request.
    Column("request_digest", String(64)),
)

grant = Table(
    "m365_grant",
    metadata,
    _account_id(primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("object_id", String(64), nullable=False),
    Column("username", String(254), nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
    # Sealed: the access token by itself for the fast path, and MSAL's cache with the rest.
    _sealed("access_token"),
    Column("expires_at", BigInteger, nullable=False),
    Column("scopes", Text, nullable=False),
    _sealed("msal_cache"),
    # One refresh at a time over all processes: see plugin.vault.renewal.
    Column("token_version", Integer, nullable=False),
    Column("lease_owner", String(64)),
    Column("lease_until", Float),
    Column("not_before", Float, nullable=False, server_default="0"),
    # Set when Microsoft refused the grant: the finding's code. The row is kept.
    Column("refused", String(64)),
    # Sealed claims that the next sign-in must ask for (OAuth `interaction_required`).
    _sealed("claims", nullable=True),
    # A person's or the app's own: see `grants.GrantKind`. Versions before 0004 leave it empty.
    Column("kind", String(16)),
    # When the access token came, and when a renewal was last tried.
    Column("obtained_at", Float),
    Column("tried_at", Float),
    # Why nobody asks before `not_before`, and since when; see `waits`.
    Column("wait_reason", JSON(none_as_null=True)),
    Column("wait_set_at", Float),
)

attempt = Table(
    "m365_attempt",
    metadata,
    # SHA-256 of the state: a reader of the table cannot finish an attempt.
    Column("state_hash", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),
    _account_id(primary_key=False),
    Column("worker", String(200), nullable=False),
    Column("browser_hash", String(64), nullable=False),
    Column("authority", String(400), nullable=False),
    Column("return_to", String(2000), nullable=False),
    Column("username", String(254), nullable=False),
    # Sealed: MSAL's flow with the PKCE verifier and the nonce.
    _sealed("flow"),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("consumed_at", UtcDateTime),
    # What the consumed attempt led to, for a callback that is run again with the same arguments.
    Column("outcome", JSON(none_as_null=True)),
    Index("ix_m365_attempt_account_id", "account_id"),
    Index("ix_m365_attempt_expires_at", "expires_at"),
)

ticket = Table(
    "m365_ticket",
    metadata,
    # SHA-256 of the ticket: a reader of the table cannot open it.
    Column("ticket_hash", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),
    _account_id(primary_key=False),
    Column("worker", String(200), nullable=False),
    Column("return_to", String(2000), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_m365_ticket_account_id", "account_id"),
    Index("ix_m365_ticket_expires_at", "expires_at"),
)

folder = Table(
    "m365_folder",
    metadata,
    _account_id(primary_key=True),
    Column("role", String(16), primary_key=True),
    Column("path", Text, nullable=False),
    Column("full_label", Text, nullable=False),
    Column("uid_validity", BigInteger, nullable=False),
    Column("chosen_by", String(200), nullable=False),
    Column("chosen_at", UtcDateTime, nullable=False),
)

key_check = Table(
    "m365_key_check",
    metadata,
    Column("key_id", String(32), primary_key=True),
    # A known text sealed with the key: tells a wrong key from a damaged row.
    Column("sealed", LargeBinary, nullable=False),
)

retired = Table(
    "m365_retired",
    metadata,
    # The host's id of the Generic account that a new account takes the place of.
    Column("generic_id", String(200), primary_key=True),
    Column("generic", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    # The copy outlives the new account: it is the way back.
    Column(
        "account_id", String(64), ForeignKey("m365_account.id", ondelete="SET NULL"), index=True
    ),
    # Whether the account was made for this, or was there already.
    Column("created", Boolean, nullable=False),
    Column("keep_new", Boolean, nullable=False),
    # Sealed: all that the host needs to put the Generic account back, its password too.
    _sealed("settings"),
    Column("kept_at", UtcDateTime, nullable=False),
    Column("kept_by", String(200), nullable=False),
)

event = Table(
    "m365_event",
    metadata,
    # SQLite numbers a row by itself only if the column is exactly INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("name", String(64), nullable=False),
    Column("worker", String(200), nullable=False),
    # No foreign key: what happened to an account is kept when the account is gone.
    Column("account_id", String(64)),
    Column("details", JSON, nullable=False),
    Index("ix_m365_event_account_id", "account_id", "id"),
    Index("ix_m365_event_at", "at"),
)

notice = Table(
    "m365_notice",
    metadata,
    Column("name", String(200), primary_key=True),
    # By the database's clock: one worker of many gives the notice.
    Column("given_at", Float, nullable=False),
)
