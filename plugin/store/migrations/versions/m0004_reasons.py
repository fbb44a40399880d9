"""Kinds of grants, reasons of waits, versions of forms, outcomes of sign-ins."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns. All are nullable or have a default: the version before goes on inserting."""
    _accounts()
    _grants()
    _attempts()


def _accounts() -> None:
    version = sa.Column("version", sa.Integer, nullable=False, server_default="1")
    op.add_column("m365_account", version)
    op.add_column("m365_account", sa.Column("request_digest", sa.String(64)))


def _grants() -> None:
    for column in (
        sa.Column("kind", sa.String(16)),
        sa.Column("obtained_at", sa.Float),
        sa.Column("wait_reason", sa.JSON),
        sa.Column("wait_set_at", sa.Float),
        sa.Column("tried_at", sa.Float),
    ):
        op.add_column("m365_grant", column)


def _attempts() -> None:
    op.add_column("m365_attempt", sa.Column("outcome", sa.JSON))
    op.create_index("ix_m365_attempt_account_id", "m365_attempt", ["account_id"])
