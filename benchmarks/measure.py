"""Measuring in turn with a peer: A B A B …, medians, the ratio pair by pair, the spread."""

import cProfile
import pstats
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

Action = Callable[[], Any]


class Kind(StrEnum):
    """What a row's value is, which its goal is about."""

    RATIO = "ratio"  # ours / peer
    DIFFERENCE = "difference"  # ours - peer, in the row's unit
    COUNT = "count"  # ours as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: ours beside one peer at one size, and the goal for the value.

    `low` and `high` bound the value: its quartiles in one round, its extremes over rounds. With a
    `series` the row is a point of a plot at `size`; with a `base` the peer is ours at that size.
    """

    bench: str
    what: str
    peer: str
    ours_is: float
    peer_is: float | None
    unit: str
    kind: Kind
    value: float
    low: float
    high: float
    goal: float | None = None
    series: str = ""
    size: float = 0.0
    base: float = 0.0
    notes: dict[str, float] = field(default_factory=dict)
    #: Milliseconds by function, of one call of ours.
    profile: dict[str, float] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None if there is none."""
        return None if self.goal is None else self.value <= self.goal


@dataclass(frozen=True, slots=True)
class Pairs:
    """What was measured in turn, in the same unit."""

    ours: Sequence[float]
    peer: Sequence[float]

    def row(self, *, kind: Kind = Kind.RATIO, scale: float = 1000.0, **named: Any) -> Row:
        """Return the row; `scale` turns seconds into the row's unit."""
        values = sorted(
            one / other if kind is Kind.RATIO else (one - other) * scale
            for one, other in zip(self.ours, self.peer, strict=True)
        )
        low, high = quartiles(values)
        return Row(
            ours_is=statistics.median(self.ours) * scale,
            peer_is=statistics.median(self.peer) * scale,
            kind=kind,
            value=statistics.median(values),
            low=low,
            high=high,
            **({"unit": "ms"} | named),
        )

    def less(self, base: Iterable[float]) -> Self:
        """Return the pairs without what a third one, measured in the same turns, costs both."""
        bases = list(base)
        return type(self)(
            [one - less for one, less in zip(self.ours, bases, strict=True)],
            [one - less for one, less in zip(self.peer, bases, strict=True)],
        )


def counted(value: float, **named: Any) -> Row:
    """Return the row of something that was counted, not compared."""
    return Row(
        **({"peer": "", "unit": ""} | named),
        ours_is=value,
        peer_is=None,
        kind=Kind.COUNT,
        value=value,
        low=value,
        high=value,
    )


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def seconds(action: Action, number: int = 1) -> float:
    """Return what one call takes, on the average of `number` calls in a row."""
    began = time.perf_counter()
    for _ in range(number):
        action()
    return (time.perf_counter() - began) / number


def in_turn(actions: Sequence[Action], *, turns: int, least: float = 0.0) -> list[list[float]]:
    """Measure the actions A B C A B C …; return the seconds of each, turn by turn.

    What is quick is repeated within its turn until it took `least` seconds. Every action runs
    once before, unmeasured, and every other turn goes the other way round, so that none of them
    always comes after the same one.
    """
    numbers = [max(1, round(least / seconds(action))) if least else 1 for action in actions]
    if not least:
        for action in actions:
            action()
    results: list[list[float]] = [[] for _ in actions]
    order = list(range(len(actions)))
    for _ in range(turns):
        for index in order:
            results[index].append(seconds(actions[index], numbers[index]))
        order.reverse()
    return results


def pairs(ours: Action, peer: Action, *, turns: int, least: float = 0.0) -> Pairs:
    """Measure two actions in turn."""
    return Pairs(*in_turn([ours, peer], turns=turns, least=least))


def own_times(action: Action, *, most: int = 12) -> dict[str, float]:
    """Return where one call's time goes: milliseconds by function, without what it calls itself.

    The profiler (cProfile) makes Python's own functions look dearer than they are; what waits for a
    server stands under the read it waits in.
    """
    profile = cProfile.Profile()
    profile.runcall(action)
    stats: Any = pstats.Stats(profile)
    own = {name: own for name, (_, _, own, _, _) in stats.stats.items()}
    dearest = sorted(own, key=own.__getitem__, reverse=True)[:most]
    shown = {_function(*name): own[name] * 1000 for name in dearest}
    return shown | {"all the rest": sum(own.values()) * 1000 - sum(shown.values())}


def _function(file: str, line: int, name: str) -> str:
    return name if line == 0 else f"{'/'.join(Path(file).parts[-2:])} {name}"
