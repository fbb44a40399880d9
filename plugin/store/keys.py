"""The key ring against the database: a wrong key is found before any row is read or written."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from ..errors import SealError, StoreError
from .engines import reading, writing
from .forks import SQLITE
from .sealing import Place
from .tables import key_check

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from .sealing import KeyRing

_KNOWN_TEXT = b"salesorder-m365 key check"
_lock = threading.Lock()
_checked: WeakKeyDictionary[Engine, set[tuple[str, int]]] = WeakKeyDictionary()


def check_keys(engine: Engine, ring: KeyRing) -> None:
    """Raise ``SealError`` unless every key of the ring is the one that the database knows.

    A key that the database has not seen yet is noted with a check value. The check runs once per
    process, engine and key.
    """
    with SQLITE.passed(), _lock:
        done = _checked.setdefault(engine, set())
        fingerprints = {(key_id, ring.fingerprint(key_id)) for key_id in ring.key_ids}
        if fingerprints <= done:
            return
        for key_id in ring.key_ids:
            _check(engine, ring, key_id)
        done.update(fingerprints)


def _check(engine: Engine, ring: KeyRing, key_id: str) -> None:
    place = Place("m365_key_check", key_id, "sealed")
    known = select(key_check.c.sealed).where(key_check.c.key_id == key_id)
    with reading(engine) as connection:
        sealed = connection.scalar(known)
    if sealed is None:
        try:
            with writing(engine) as connection:
                value = ring.seal(_KNOWN_TEXT, place, key_id=key_id)
                connection.execute(key_check.insert().values(key_id=key_id, sealed=value))
        except StoreError as err:
            if not isinstance(err.__cause__, IntegrityError):
                raise
            _check(engine, ring, key_id)  # another process was quicker
        return
    try:
        ring.open(sealed, place)
    except SealError as err:
        raise SealError("sealing_key_wrong", key=key_id) from err
