"""D8, a thousand times: sealed values that were swapped, flipped, cut or sealed with another key.

Each is put into its row, and a worker asks for the token: nothing may open. The access token is met
by a worker with a valid token, MSAL's cache by one that must renew.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from salesorder_m365.plugin.errors import SealError
from salesorder_m365.plugin.store.grants import GrantRow
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.schemas.settings import load_settings

from .bench import Bench, another_key
from .registry import fault

TRIES = 250
_COLUMNS = ("access_token", "msal_cache")
#: Returns a value that must not open in a column of the first row; the second is another's.
Tamper = Callable[[GrantRow, GrantRow, str], bytes]


def swapped(row: GrantRow, other: GrantRow, column: str) -> bytes:
    """Return a whole value from another place: of another row, another column, or both."""
    another = _COLUMNS[column == _COLUMNS[0]]
    places = ((other, column), (row, another), (other, another))
    source, name = random.choice(places)
    value: bytes = getattr(source, name)
    return value


def flipped(row: GrantRow, _: GrantRow, column: str) -> bytes:
    """Return the value with one bit of it turned: header, nonce, ciphertext or tag."""
    value = bytearray(getattr(row, column))
    bit = random.randrange(8 * len(value))
    value[bit // 8] ^= 1 << bit % 8
    return bytes(value)


def cut(row: GrantRow, _: GrantRow, column: str) -> bytes:
    """Return a part of the value: its beginning or its end."""
    value: bytes = getattr(row, column)
    at = random.randrange(1, len(value))
    return random.choice((value[:at], value[at:], b""))


@fault(
    "D8",
    f"{{}}, {TRIES} tries",
    expected={"accepted": 0, "refused": f"SealError ({TRIES})", "POSTs": 0, "put back": "token"},
    cases={"a value of another place": swapped, "one bit flipped": flipped, "cut off": cut},
)
def tampered(bench: Bench, tamper: Tamper) -> Mapping[str, Any]:
    row, other = bench.row(), bench.another_row()
    answers: Counter[str] = Counter()
    for number in range(TRIES):
        column = _COLUMNS[number % 2]
        runs_out = row.read_at + 3600 if column == "access_token" else 0
        bench.set_row(**{column: tamper(row, other, column)}, expires_at=int(runs_out))
        answers[bench.ask().kind] += 1
        bench.set_row(**{column: getattr(row, column)}, expires_at=row.expires_at)
    return _seen(bench, answers)


@fault(
    "D8",
    f"a key of the same id with other bytes, {TRIES} tries",
    expected={"accepted": 0, "refused": f"SealError ({TRIES})", "POSTs": 0, "put back": "token"},
)
def other_keys(bench: Bench) -> Mapping[str, Any]:
    assert bench.account
    row, answers = bench.row(), Counter[str]()
    for number in range(TRIES):
        key = another_key("k1")
        if number % 2:  # the key ring is checked before any row is read
            answers[bench.ask(bench.host(key_ring=key)).kind] += 1
        else:
            answers[_opened(row, KeyRing(load_settings(bench.values(key_ring=key)).key_ring))] += 1
    return _seen(bench, answers)


def _opened(row: GrantRow, ring: KeyRing) -> str:
    """Return what opens with a ring that nobody has checked."""
    for open_it in (row.open_token, row.open_cache):
        with suppress(SealError):
            return f"token {open_it(ring)}"
    return SealError.__name__


def _seen(bench: Bench, answers: Counter[str]) -> dict[str, Any]:
    refused = ", ".join(f"{kind} ({count})" for kind, count in answers.items())
    return {
        "accepted": sum(count for kind, count in answers.items() if kind.startswith("token")),
        "refused": refused,
        "POSTs": bench.posts,
        "put back": bench.ask().kind,
    }
