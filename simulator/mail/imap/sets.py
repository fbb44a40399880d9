"""Sets of sequence numbers or UIDs (RFC 3501, `sequence-set`)."""

import re
from collections.abc import Iterable

from .errors import BadArgumentError

#: `*`, the greatest number there is
_STAR = 1 << 32
_RANGE = re.compile(rb"([1-9][0-9]{0,9}|\*)(?::([1-9][0-9]{0,9}|\*))?")


class NumberSet:
    """Ranges of numbers, sorted and disjoint; never expanded, so `1:4294967295` costs nothing."""

    def __init__(self, ranges: Iterable[tuple[int, int]]) -> None:
        self._ranges = list(ranges)

    @classmethod
    def parse(cls, text: bytes) -> "NumberSet":
        """Read `2,4:7,9:*`. Raises BadArgumentError."""
        found = [_RANGE.fullmatch(part) for part in text.split(b",")]
        return cls([_bounds(match) for match in found])

    def ranges(self, greatest: int) -> list[tuple[int, int]]:
        """Return (first, last) of each range; `greatest` is the number that `*` stands for."""
        placed = sorted(
            (min(first, last), max(first, last))
            for first, last in (
                (_placed(first, greatest), _placed(last, greatest)) for first, last in self._ranges
            )
        )
        merged: list[tuple[int, int]] = []
        for first, last in placed:
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = merged[-1][0], max(merged[-1][1], last)
            else:
                merged.append((first, last))
        return merged


def _bounds(found: re.Match[bytes] | None) -> tuple[int, int]:
    if found is None:
        raise BadArgumentError
    first = _STAR if found[1] == b"*" else int(found[1])
    if found[2] is None:
        return first, first
    return first, _STAR if found[2] == b"*" else int(found[2])


def _placed(number: int, greatest: int) -> int:
    return greatest if number == _STAR else number


def compact(numbers: list[int]) -> str:
    """Return ascending numbers as a set: `1:3,7`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(f"{first}:{last}" if first != last else f"{first}" for first, last in parts)
