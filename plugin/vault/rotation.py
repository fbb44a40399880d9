"""Key rotation: reseal every value with the newest key, batch by batch; and who uses which key.

A rotation may be stopped or killed at any moment: each batch is one transaction, and what is done
is known by the values themselves, so that the next run goes on. A row that changed between reading
and writing is left to the next pass, for what changed it has the newer value.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import SealError
from ..store import resealing
from ..store.engines import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

    from ..store.resealing import SealedRow, Sheet
    from ..store.sealing import KeyRing

log = logging.getLogger(__name__)

BATCH = 100
#: A row that changes in every pass is one that workers with an older ring go on writing.
_PASSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What a rotation did: rows resealed, and rows that it had to leave."""

    resealed: int
    #: Rows still sealed with an older key when it ended, among them the unreadable ones.
    remaining: int
    #: Rows that did not open, as ``table id: why``; they were not touched.
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """One key: how many values it sealed, and whether the setting key_ring has it.

    An empty `key_id` stands for values that are damaged at their beginning.
    """

    key_id: str
    values: int
    in_ring: bool
    newest: bool


def rotate(
    engine: Engine,
    ring: KeyRing,
    *,
    batch: int = BATCH,
    progress: Callable[[int], None] = lambda _: None,
) -> Rotated:
    """Seal every value with the ring's newest key; `progress` takes the rows done since last."""
    rotation = _Rotation(engine, ring, batch, progress)
    for _ in range(_PASSES):
        rotation.one_pass()
        if remaining(engine, ring) <= len(rotation.unreadable):
            break
    log.info("key rotation: %s rows resealed", rotation.done)
    return Rotated(
        resealed=rotation.done,
        remaining=remaining(engine, ring),
        unreadable=tuple(rotation.unreadable.values()),
    )


def remaining(engine: Engine, ring: KeyRing) -> int:
    """Return the number of rows with a value that an older key sealed."""
    with reading(engine) as connection:
        return sum(
            resealing.count_rows(connection, sheet, ring.newest) for sheet in resealing.sheets()
        )


def uses(engine: Engine, ring: KeyRing) -> list[KeyUse]:
    """Return every key of the ring, newest first, and those that only the database knows."""
    with reading(engine) as connection:
        counted = resealing.count_by_key(connection)
    missing = sorted(counted.keys() - set(ring.key_ids))
    return [
        KeyUse(
            key_id=key_id,
            values=counted[key_id],
            in_ring=key_id in ring,
            newest=key_id == ring.newest,
        )
        for key_id in (*ring.key_ids, *missing)
    ]


class _Rotation:
    """One run, over all tables."""

    def __init__(
        self, engine: Engine, ring: KeyRing, batch: int, progress: Callable[[int], None]
    ) -> None:
        self._engine = engine
        self._ring = ring
        self._batch = batch
        self._progress = progress
        self.done = 0
        self.unreadable: dict[tuple[str, str], str] = {}

    def one_pass(self) -> None:
        """Go through each table once."""
        self.unreadable.clear()
        for sheet in resealing.sheets():
            after = ""
            while rows := self._read(sheet, after):
                done = self._write(sheet, rows)
                self.done += done
                self._progress(done)
                after = rows[-1].id

    def _read(self, sheet: Sheet, after: str) -> list[SealedRow]:
        with reading(self._engine) as connection:
            return resealing.read_rows(
                connection, sheet, self._ring.newest, after=after, count=self._batch
            )

    def _write(self, sheet: Sheet, rows: list[SealedRow]) -> int:
        # Opened and sealed before the transaction: it holds SQLite's one write lock.
        renewed = [(row, new) for row in rows if (new := self._resealed(sheet, row))]
        with writing(self._engine) as connection:
            return sum(
                resealing.replace_values(connection, sheet, row, new) for row, new in renewed
            )

    def _resealed(self, sheet: Sheet, row: SealedRow) -> dict[str, bytes]:
        try:
            return resealing.resealed(sheet, row, self._ring)
        except SealError as err:
            self.unreadable[sheet.table.name, row.id] = f"{sheet.table.name} {row.id}: {err}"
            return {}
