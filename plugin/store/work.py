"""Rows of ``m365_work``: what is due, by one index, and who does it; and the accounts' pauses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from .clock import database_now
from .mail_tables import mailing, work

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkRow:
    """Work that is due; `due_at` is seconds by the database's clock."""

    kind: str
    account_id: str
    due_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingRow:
    """Whether an account's mail may leave; times are seconds by the database's clock."""

    paused_at: float | None = None
    paused_until: float | None = None
    finding: str = ""
    server_words: str = ""
    external_only: bool = False
    pauses: int = 0
    paused_seconds: float = 0.0


def _insert(connection: Connection, table: Any) -> Any:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def wake(connection: Connection, kind: str, account_id: str, at: float) -> None:
    """Let an account's work be due at that time, or sooner if it was to be.

    Call it last in the transaction: it locks the row that a worker about to stop reads again.
    """
    made = _insert(connection, work).values(kind=kind, account_id=account_id, due_at=at)
    connection.execute(
        made.on_conflict_do_update(
            index_elements=["kind", "account_id"],
            set_={"due_at": made.excluded.due_at},
            where=or_(work.c.due_at.is_(None), work.c.due_at > made.excluded.due_at),
        )
    )


def _free(seconds: float) -> Any:
    now = database_now()
    return or_(
        work.c.lease_until.is_(None),
        work.c.lease_until <= now,
        # Longer than any lease: of a clock that was set back.
        work.c.lease_until > now + seconds,
    )


def due_work(connection: Connection, limit: int, *, lease: float) -> list[WorkRow]:
    """Return what is due and nobody does, the longest due first."""
    query = (
        select(work.c.kind, work.c.account_id, work.c.due_at)
        .where(work.c.due_at <= database_now(), _free(lease))
        .order_by(work.c.due_at)
        .limit(limit)
    )
    return [WorkRow(**row._mapping) for row in connection.execute(query)]  # noqa: SLF001 - SQLAlchemy's public name of it


def due_at(connection: Connection, kind: str, account_id: str) -> float | None:
    """Return when an account's work is due; None for nothing to do."""
    found: float | None = connection.scalar(
        select(work.c.due_at).where(work.c.kind == kind, work.c.account_id == account_id)
    )
    return found


def take_work(
    connection: Connection, kind: str, account_id: str, owner: str, seconds: float
) -> bool:
    """Take an account's work for `seconds`; return whether it was free. It need not be due."""
    made = _insert(connection, work).values(kind=kind, account_id=account_id)
    connection.execute(made.on_conflict_do_nothing())
    taken = connection.execute(
        update(work)
        .where(work.c.kind == kind, work.c.account_id == account_id, _free(seconds))
        .values(owner=owner, lease_until=database_now() + seconds)
    )
    return taken.rowcount == 1


def renew_work(connection: Connection, owner: str, seconds: float) -> bool:
    """Hold the work for `seconds` from now; return whether it was still held."""
    renewed = connection.execute(
        update(work)
        .where(work.c.owner == owner, work.c.lease_until > database_now())
        .values(lease_until=database_now() + seconds)
    )
    return renewed.rowcount == 1


def lock_work(connection: Connection, kind: str, account_id: str) -> None:
    """Lock the row, so that what is read next includes whatever woke it."""
    connection.execute(
        select(work.c.kind)
        .where(work.c.kind == kind, work.c.account_id == account_id)
        .with_for_update()
    )


def release_work(
    connection: Connection, kind: str, account_id: str, owner: str, due_at: float | None
) -> None:
    """Give the work back, to be due at that time; None for not until it is woken."""
    connection.execute(
        update(work)
        .where(and_(work.c.kind == kind, work.c.account_id == account_id, work.c.owner == owner))
        .values(owner=None, lease_until=None, due_at=due_at)
    )


def read_mailing(connection: Connection, account_id: str) -> MailingRow:
    """Return whether an account's mail may leave."""
    columns = [column for column in mailing.c if column.name != "account_id"]
    found = connection.execute(select(*columns).where(mailing.c.account_id == account_id)).first()
    return MailingRow() if found is None else MailingRow(**found._mapping)  # noqa: SLF001 - see above


def change_mailing(connection: Connection, account_id: str, **values: Any) -> None:
    """Change, or make, an account's row."""
    made = _insert(connection, mailing).values(account_id=account_id, **values)
    connection.execute(made.on_conflict_do_update(index_elements=["account_id"], set_=values))


def read_paused(connection: Connection, account_id: str | None) -> dict[str, MailingRow]:
    """Return the pauses in force: of one account, or of each."""
    query = select(mailing).where(mailing.c.paused_at.is_not(None))
    if account_id is not None:
        query = query.where(mailing.c.account_id == account_id)
    found = {}
    for row in connection.execute(query):
        values = {str(name): value for name, value in row._mapping.items()}  # noqa: SLF001 - see above
        account = values.pop("account_id")
        found[account] = MailingRow(**values)
    return found
