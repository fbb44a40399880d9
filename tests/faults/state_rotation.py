"""D9 at random moments: a rotation over many rows, killed again and again."""

import random
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from salesorder_m365.plugin.entra.tokens import Tokens
from salesorder_m365.plugin.errors import SealError
from salesorder_m365.plugin.store import grants
from salesorder_m365.plugin.store.engines import reading, writing
from salesorder_m365.plugin.store.grants import GrantRow
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.tables import account, grant
from salesorder_m365.plugin.vault import rotation
from sqlalchemy import Connection

from .bench import Bench, Worker, another_key
from .registry import fault

ROWS, _BATCH = 1000, 25
_AT = datetime(2026, 1, 2, tzinfo=UTC)
#: A refresh token is about so long.
_CACHE = "x" * 3000


@dataclass
class Kills:
    """What the kills of one series did, summed up."""

    kills: int = 0
    #: Kills that left some rows with the old key and some with the new one.
    part_way: int = 0
    unreadable: int = 0
    #: Rows that the run after the kill left with an old key, and that the new key did not open.
    remaining: int = 0
    unreadable_then: int = 0


def kill_rotations(first: Bench, times: int) -> Kills:
    """Kill rotations at random moments; each time the next run must finish."""
    # A database of its own: the others' rows keep their key.
    bench = replace(first, url=first.lab.new_url(first.database))
    first.stack.callback(bench.close)
    old, seen = bench.lab.key_ring, Kills()
    ids = fill(bench, _ring(bench, old))
    longest, old = _whole_run(bench, old)
    for _ in range(10 * times):
        if seen.kills == times:
            break
        new = another_key(f"r{random.getrandbits(64):x}")
        moment = random.uniform(0, longest)
        _one_kill(bench, ids, seen, (new, old), moment)
        old = new
    return seen


def _ring(bench: Bench, *keys: str) -> KeyRing:
    return KeyRing(bench.host(key_ring=",".join(keys)).settings.key_ring)


def _rotating(bench: Bench, *keys: str) -> Worker:
    """Let a process begin to rotate."""
    settings = bench.values(key_ring=",".join(keys))
    worker = bench.worker(do="rotate", settings=settings, batch=_BATCH)
    assert worker.report() == {"at": "begin"}
    return worker


def _whole_run(bench: Bench, old: str) -> tuple[float, str]:
    """Return how long a rotation takes in seconds, and the key that the rows then have."""
    new = another_key("whole")
    worker = _rotating(bench, new, old)
    began = time.monotonic()
    assert worker.report() == {"at": "end"}
    return time.monotonic() - began, new


def _one_kill(
    bench: Bench, ids: list[str], seen: Kills, keys: tuple[str, str], moment: float
) -> None:
    worker = _rotating(bench, *keys)
    time.sleep(moment)
    ended = worker.kill()
    ring, alone = _ring(bench, *keys), _ring(bench, keys[0])
    if not ended:
        left = rotation.remaining(bench.engine, ring)
        seen.kills += 1
        seen.part_way += 0 < left < len(ids)
        seen.unreadable += unreadable(bench, ids, ring)
    seen.remaining += rotation.rotate(bench.engine, ring).remaining
    seen.unreadable_then += unreadable(bench, ids, alone)


def fill(bench: Bench, ring: KeyRing) -> list[str]:
    """Put in so many accounts with a grant; return their ids."""
    ids = [f"m365:{number:05d}" for number in range(ROWS)]
    with writing(bench.engine) as connection:
        connection.execute(account.insert(), [_account(name) for name in ids])
        for name in ids:
            _put(connection, ring, name)
    return ids


def _account(name: str) -> dict[str, Any]:
    address = f"{name[5:]}@contoso.test"
    names = dict.fromkeys(("id", "request_id", "name", "name_key", "sender_name"), name)
    addresses = {"sender_email": address, "username": address}
    return {**names, **addresses, "created_at": _AT, "created_by": "w"}


def _put(connection: Connection, ring: KeyRing, name: str) -> None:
    cache = f"cache of {name} {_CACHE}"
    tokens = Tokens(access_token=f"token of {name}", lifetime=3600, scopes=("a",), msal_cache=cache)
    who = {"tenant_id": "t", "object_id": "o", "username": name}
    grants.put_grant(connection, ring, name, tokens, **who, granted_at=_AT)


def unreadable(bench: Bench, ids: list[str], ring: KeyRing) -> int:
    """Count the rows that do not open, or not to what was sealed."""
    return len(ids) - sum(_reads_well(row, ring) for row in _rows(bench))


def _rows(bench: Bench) -> Iterator[GrantRow]:
    with reading(bench.engine) as connection:
        for row in connection.execute(grant.select()).mappings():
            yield GrantRow(**row, read_at=0.0)


def _reads_well(row: GrantRow, ring: KeyRing) -> bool:
    name = row.account_id
    with suppress(SealError):
        token, cache = row.open_token(ring), row.open_cache(ring)
        return (token, cache) == (f"token of {name}", f"cache of {name} {_CACHE}")
    return False


_TIMES = 5


@fault(
    "D9",
    f"kill -9 at {_TIMES} random moments of rotations of {ROWS} rows, each run again",
    expected={"kills": _TIMES, "unreadable": 0, "remain then": 0, "unreadable then": 0},
)
def killed_at_random(first: Bench) -> Mapping[str, Any]:
    seen = kill_rotations(first, _TIMES)
    return {
        "kills": seen.kills,
        "unreadable": seen.unreadable,
        "remain then": seen.remaining,
        "unreadable then": seen.unreadable_then,
    }
