"""Audit events and notices are kept in the database."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "m365_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("worker", sa.String(200), nullable=False),
        sa.Column("account_id", sa.String(64)),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_index("ix_m365_event_account_id", "m365_event", ["account_id", "id"])
    op.create_index("ix_m365_event_at", "m365_event", ["at"])
    op.create_table(
        "m365_notice",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("given_at", sa.Float, nullable=False),
    )
