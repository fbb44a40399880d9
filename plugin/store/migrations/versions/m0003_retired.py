"""Sealed copies of the host's Generic accounts: the way back after replacing them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "m365_retired",
        sa.Column("generic_id", sa.String(200), primary_key=True),
        sa.Column("generic", sa.JSON, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column(
            "account_id", sa.String(64), sa.ForeignKey("m365_account.id", ondelete="SET NULL")
        ),
        sa.Column("created", sa.Boolean, nullable=False),
        sa.Column("keep_new", sa.Boolean, nullable=False),
        sa.Column("settings", sa.LargeBinary, nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_by", sa.String(200), nullable=False),
    )
    op.create_index("ix_m365_retired_account_id", "m365_retired", ["account_id"])
