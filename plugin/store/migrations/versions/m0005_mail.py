"""Mail through the account: the outbox, its bodies and trail, limits, and work that is due."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_READY = sa.text("state = 'queued' AND ready = 1")
_OPEN = sa.text("state IN ('queued', 'sending', 'uncertain', 'writing')")
_NEXT = sa.text("state = 'queued' AND ready")
_PURGE = sa.text("purge_at IS NOT NULL")


def upgrade() -> None:
    """Create the tables and their indexes."""
    _delivery()
    _parts_of_a_delivery()
    _accounts_and_limits()


def _delivery() -> None:
    op.create_table(
        "m365_delivery",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("account_name", sa.String(80), nullable=False),
        sa.Column("request_id", sa.String(200), nullable=False),
        sa.Column("message_id", sa.String(100), nullable=False, unique=True),
        sa.Column("document", sa.String(200), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("sender", sa.String(254), nullable=False),
        sa.Column("submitter", sa.String(254), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        sa.Column("ready", sa.Boolean, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("queued_at", sa.Float, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float),
        sa.Column("paused_before", sa.Float, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until", sa.Float),
        sa.Column("handed_at", sa.Float),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("resent", sa.Boolean, nullable=False),
        sa.Column("partial", sa.Boolean, nullable=False),
        sa.Column("smtputf8", sa.Boolean, nullable=False),
        sa.Column("external", sa.Boolean, nullable=False),
        sa.Column("control", sa.Boolean, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("chunks", sa.Integer, nullable=False),
        sa.Column("body_digest", sa.String(64), nullable=False),
        sa.Column("transport", sa.String(16), nullable=False),
        sa.Column("finding", sa.String(64), nullable=False),
        sa.Column("server_words", sa.Text, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("finished_at", sa.Float),
        sa.Column("purge_at", sa.Float),
        sa.Column("told", sa.JSON, nullable=False),
        sa.Column("origin", sa.String(400), nullable=False),
        sa.Column("created_by", sa.String(200), nullable=False),
    )
    op.create_index(
        "uq_m365_delivery_request", "m365_delivery", ["account_id", "request_id"], unique=True
    )
    _index("next", ["account_id", "rank", "queued_at", "id"], _NEXT, sqlite=_READY)
    _index("open", ["account_id", "state", "not_before"], _OPEN)
    _index("queued_at", ["queued_at", "id"])
    _index("account", ["account_id", "queued_at", "id"])
    _index("document", ["document", "queued_at"])
    _index("purge_at", ["purge_at"], _PURGE)
    _index("submitter", ["submitter", "handed_at"])


def _index(
    name: str,
    columns: list[str],
    where: sa.TextClause | None = None,
    *,
    sqlite: sa.TextClause | None = None,
) -> None:
    op.create_index(
        f"ix_m365_delivery_{name}",
        "m365_delivery",
        columns,
        sqlite_where=where if sqlite is None else sqlite,
        postgresql_where=where,
    )


def _parts_of_a_delivery() -> None:
    op.create_table(
        "m365_recipient",
        sa.Column("delivery_id", sa.String(64), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("finding", sa.String(64), nullable=False),
        sa.Column("server_words", sa.Text, nullable=False),
    )
    op.create_table(
        "m365_body",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "m365_trail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("delivery_id", sa.String(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
    )
    op.create_index("ix_m365_trail_delivery_id", "m365_trail", ["delivery_id"])


def _accounts_and_limits() -> None:
    op.create_table(
        "m365_mailing",
        sa.Column("account_id", sa.String(64), primary_key=True),
        sa.Column("paused_at", sa.Float),
        sa.Column("paused_until", sa.Float),
        sa.Column("finding", sa.String(64), nullable=False),
        sa.Column("server_words", sa.Text, nullable=False),
        sa.Column("external_only", sa.Boolean, nullable=False),
        sa.Column("pauses", sa.Integer, nullable=False),
        sa.Column("paused_seconds", sa.Float, nullable=False),
    )
    op.create_table(
        "m365_work",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("account_id", sa.String(64), primary_key=True),
        sa.Column("due_at", sa.Float),
        sa.Column("owner", sa.String(64)),
        sa.Column("lease_until", sa.Float),
    )
    op.create_index("ix_m365_work_due_at", "m365_work", ["due_at"])
    op.create_table(
        "m365_submitter",
        sa.Column("name", sa.String(254), primary_key=True),
        sa.Column("handed", sa.JSON, nullable=False),
        sa.Column("recipients", sa.JSON, nullable=False),
        sa.Column("halved_until", sa.Float, nullable=False),
        sa.Column("lag", sa.Float, nullable=False),
        sa.Column("lag_at", sa.Float, nullable=False),
        sa.Column("control_at", sa.Float, nullable=False),
    )
    op.create_table(
        "m365_connection",
        sa.Column("submitter", sa.String(254), primary_key=True),
        sa.Column("slot", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("lease_until", sa.Float, nullable=False),
    )
