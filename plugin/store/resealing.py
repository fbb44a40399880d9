"""Every sealed value of the database: which key sealed it, and resealing it by compare-and-set.

What is sealed says `tables` (the columns marked ``SEALED``). `plugin.vault.rotation` decides when
to rotate, and what to tell about it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import LargeBinary, and_, func, literal, or_, select, update

from ..errors import SealError
from . import mail_tables
from .sealing import LONGEST_HEADER, Place, header, sealing_key
from .tables import SEALED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Table

    from .sealing import KeyRing

#: Values are counted under this where the beginning names no key.
DAMAGED = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with sealed columns; its rows are known by one column."""

    table: Table
    row: Column[str]
    columns: tuple[Column[bytes], ...]

    def not_sealed_with(self, key_id: str) -> Any:
        """Return the condition that a row holds a value that another key sealed."""
        wanted = literal(header(key_id), LargeBinary)
        beginning = [
            func.substr(column, 1, len(header(key_id)), type_=LargeBinary)
            for column in self.columns
        ]
        return or_(*(begins != wanted for begins in beginning))


@dataclass(frozen=True, slots=True)
class SealedRow:
    """The sealed values of one row, by column, as they were read."""

    id: str
    values: dict[str, bytes] = field(repr=False)


def sheets() -> list[Sheet]:
    """Return every table with sealed columns."""
    found = []
    for table in mail_tables.metadata.sorted_tables:
        columns = tuple(column for column in table.c if column.info.get(SEALED))
        if columns:
            (row,) = table.primary_key.columns
            found.append(Sheet(table, row, columns))
    return found


def count_by_key(connection: Connection) -> Counter[str]:
    """Count the sealed values by the key that sealed them."""
    counted: Counter[str] = Counter()
    for sheet in sheets():
        for column in sheet.columns:
            beginning = func.substr(column, 1, LONGEST_HEADER, type_=LargeBinary)
            query = select(beginning).where(column.is_not(None))
            for (begins,) in connection.execute(query.execution_options(yield_per=1000)):
                counted[_key_of(begins)] += 1
    return counted


def _key_of(begins: bytes) -> str:
    try:
        # Only the beginning was read: as many bytes as a whole value has at least.
        return sealing_key(begins + bytes(LONGEST_HEADER))
    except SealError:
        return DAMAGED


def count_rows(connection: Connection, sheet: Sheet, key_id: str) -> int:
    """Count the rows with a value that another key than `key_id` sealed."""
    query = select(func.count()).select_from(sheet.table).where(sheet.not_sealed_with(key_id))
    return int(connection.scalar(query) or 0)


def read_rows(
    connection: Connection, sheet: Sheet, key_id: str, *, after: str, count: int
) -> list[SealedRow]:
    """Return the next rows with a value that another key than `key_id` sealed, by their ids."""
    query = (
        select(sheet.row, *sheet.columns)
        .where(sheet.row > after, sheet.not_sealed_with(key_id))
        .order_by(sheet.row)
        .limit(count)
    )
    return [
        SealedRow(
            id=getattr(found, sheet.row.name),
            values={
                column.name: value
                for column in sheet.columns
                if (value := getattr(found, column.name)) is not None
            },
        )
        for found in connection.execute(query)
    ]


def resealed(sheet: Sheet, row: SealedRow, ring: KeyRing) -> dict[str, bytes]:
    """Return the row's values sealed with the newest key; raise ``SealError`` if one won't open."""
    return dict(_each_resealed(sheet, row, ring))


def _each_resealed(sheet: Sheet, row: SealedRow, ring: KeyRing) -> Iterator[tuple[str, bytes]]:
    for name, value in row.values.items():
        if sealing_key(value) != ring.newest:
            place = Place(sheet.table.name, row.id, name)
            yield name, ring.seal(ring.open(value, place), place)


def replace_values(
    connection: Connection, sheet: Sheet, row: SealedRow, new: dict[str, bytes]
) -> bool:
    """Write the new values if the row is still as it was read; tell whether."""
    unchanged = and_(*(sheet.table.c[name] == old for name, old in row.values.items()))
    statement = update(sheet.table).where(sheet.row == row.id, unchanged).values(**new)
    return connection.execute(statement).rowcount == 1
