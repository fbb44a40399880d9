"""Rows of ``m365_retired``: Generic accounts with a sealed copy. The order of steps is `retired`'s.

A row's state changes by compare-and-set, so that of two runs at once one goes on and one notices.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from ...schemas.generic import GenericAccount, GenericState
from ...schemas.plain import from_plain, to_plain
from .sealing import Place
from .tables import retired

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection

    from .sealing import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredRow:
    """One Generic account on its way; `settings` is the sealed copy."""

    generic: GenericAccount
    state: GenericState
    account_id: str | None
    created: bool
    keep_new: bool
    settings: bytes = field(repr=False)
    kept_at: datetime
    kept_by: str

    @property
    def id(self) -> str:
        """The host's id of the Generic account."""
        return self.generic.id

    def open_settings(self, ring: KeyRing) -> str:
        """Return what the host gave, to put the account back with."""
        return ring.open(self.settings, _place(self.id)).decode()


def _place(generic_id: str) -> Place:
    return Place("m365_retired", generic_id, "settings")


def seal_settings(ring: KeyRing, generic_id: str, settings: str) -> bytes:
    """Return the copy as it is stored."""
    return ring.seal(settings.encode(), _place(generic_id))


def read_row(connection: Connection, generic_id: str, *, lock: bool = False) -> RetiredRow | None:
    """Return one row; with `lock` nobody else changes it until the transaction ends."""
    query = select(retired).where(retired.c.generic_id == generic_id)
    found = connection.execute(query.with_for_update() if lock else query).first()
    return None if found is None else _row(found)


def read_rows(connection: Connection) -> dict[str, RetiredRow]:
    """Return all rows by the host's ids."""
    return {row.generic_id: _row(row) for row in connection.execute(select(retired))}


def _row(found: Any) -> RetiredRow:
    return RetiredRow(
        generic=from_plain(GenericAccount, found.generic),
        state=GenericState(found.state),
        account_id=found.account_id,
        created=found.created,
        keep_new=found.keep_new,
        settings=found.settings,
        kept_at=found.kept_at,
        kept_by=found.kept_by,
    )


def put_row(connection: Connection, row: RetiredRow, *, new: bool) -> None:
    """Store a row: a `new` one, which must not be there yet, or in place of one that is locked."""
    values = {
        "generic": to_plain(row.generic),
        "state": row.state.value,
        "account_id": row.account_id,
        "created": row.created,
        "keep_new": row.keep_new,
        "settings": row.settings,
        "kept_at": row.kept_at,
        "kept_by": row.kept_by,
    }
    if new:
        connection.execute(insert(retired).values(generic_id=row.id, **values))
    else:
        connection.execute(update(retired).where(retired.c.generic_id == row.id).values(**values))


def move(
    connection: Connection,
    generic_id: str,
    before: Collection[GenericState],
    after: GenericState,
    **values: Any,
) -> bool:
    """Go from one of the states `before` to `after`; tell whether the row was in one of them."""
    statement = update(retired).where(
        retired.c.generic_id == generic_id, retired.c.state.in_([state.value for state in before])
    )
    return connection.execute(statement.values(state=after.value, **values)).rowcount == 1


def used_by_others(connection: Connection, account_id: str, but: str) -> bool:
    """Return whether the new account stands for another Generic account too."""
    query = select(retired.c.generic_id).where(
        retired.c.account_id == account_id, retired.c.generic_id != but
    )
    return connection.scalar(query.limit(1)) is not None
