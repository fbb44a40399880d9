"""Tickets: one-shot addresses at which a worker's browser begins a sign-in."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create the table and its indexes."""
    op.create_table(
        "m365_ticket",
        sa.Column("ticket_hash", sa.String(64), primary_key=True),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column(
            "account_id",
            sa.String(64),
            sa.ForeignKey("m365_account.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("worker", sa.String(200), nullable=False),
        sa.Column("return_to", sa.String(2000), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_m365_ticket_account_id", "m365_ticket", ["account_id"])
    op.create_index("ix_m365_ticket_expires_at", "m365_ticket", ["expires_at"])
