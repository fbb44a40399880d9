"""The register of faults: number, what is done, what is expected. Who runs them is not its matter.

A fault is a function that does something to a bench and returns what it saw. Seen and expected
are plain values under the same names; the fault holds where they are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bench import Bench


class NotHereError(Exception):
    """This machine lacks what the fault needs."""


SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
BOTH = (SQLITE, POSTGRESQL)
#: The verdicts.
HOLDS, FAILS, NOT_RUN = "yes", "NO", "not run"
Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Fault:
    """One row of the table, for each database that it applies to."""

    number: str
    did: str
    expected: Facts
    databases: tuple[str, ...]
    run: Callable[[Bench], Facts] = field(repr=False)

    @property
    def id(self) -> str:
        return f"{self.number} {self.did}"


FAULTS: list[Fault] = []


def fault(
    number: str,
    did: str,
    *,
    expected: Facts,
    on: tuple[str, ...] = BOTH,
    cases: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., Facts]], Callable[..., Facts]]:
    """Register the function once, or once for each of the named `cases`, which it is then given.

    A `{}` in `did` stands for the case's name.
    """

    def register(function: Callable[..., Facts]) -> Callable[..., Facts]:
        if cases is None:
            FAULTS.append(Fault(number, did, expected, on, function))
        for name, case in (cases or {}).items():
            FAULTS.append(Fault(number, did.format(name), expected, on, _bound(function, case)))
        return function

    return register


def _bound(function: Callable[..., Facts], case: Any) -> Callable[[Bench], Facts]:
    return lambda bench: function(bench, case)


def shown(facts: Facts) -> str:
    """Return facts as one line for the table."""
    return " · ".join(f"{name}: {value}" for name, value in facts.items())


def natural(number: str) -> tuple[int, int]:
    """Return the key that sorts M1 … M16, T1 … T10, D1 … D9, C1 … C7, B1 … B4."""
    return "MSTDCB".index(number[0]), int(number[1:])
