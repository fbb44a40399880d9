"""The first schema: accounts, grants, sign-in attempts, folder mappings, key checks."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _account_id(*, primary_key: bool) -> sa.Column[str]:
    return sa.Column(
        "account_id",
        sa.String(64),
        sa.ForeignKey("m365_account.id", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )


def upgrade() -> None:
    """Create the tables."""
    _accounts()
    _grants()
    _attempts()
    op.create_table(
        "m365_folder",
        _account_id(primary_key=True),
        sa.Column("role", sa.String(16), primary_key=True),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("full_label", sa.Text, nullable=False),
        sa.Column("uid_validity", sa.BigInteger, nullable=False),
        sa.Column("chosen_by", sa.String(200), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "m365_key_check",
        sa.Column("key_id", sa.String(32), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _accounts() -> None:
    op.create_table(
        "m365_account",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("request_id", sa.String(200), nullable=False, unique=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("name_key", sa.String(200), nullable=False, unique=True),
        sa.Column("sender_name", sa.String(120), nullable=False),
        sa.Column("sender_email", sa.String(254), nullable=False),
        sa.Column("username", sa.String(254), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
        sa.Column("report", sa.JSON),
    )


def _grants() -> None:
    op.create_table(
        "m365_grant",
        _account_id(primary_key=True),
        sa.Column("tenant_id", sa.String(64), nullable=False),
        sa.Column("object_id", sa.String(64), nullable=False),
        sa.Column("username", sa.String(254), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("access_token", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("msal_cache", sa.LargeBinary, nullable=False),
        sa.Column("token_version", sa.Integer, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", sa.Float),
        sa.Column("not_before", sa.Float, nullable=False, server_default="0"),
        sa.Column("refused", sa.String(64)),
        sa.Column("claims", sa.LargeBinary),
    )


def _attempts() -> None:
    op.create_table(
        "m365_attempt",
        sa.Column("state_hash", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        _account_id(primary_key=False),
        sa.Column("worker", sa.String(200), nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=False),
        sa.Column("authority", sa.String(400), nullable=False),
        sa.Column("return_to", sa.String(2000), nullable=False),
        sa.Column("username", sa.String(254), nullable=False),
        sa.Column("flow", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consumed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_m365_attempt_expires_at", "m365_attempt", ["expires_at"])
