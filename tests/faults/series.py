"""What must hold again and again: crowds of processes, and rotations killed at random moments."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from .bench import Lab
from .crowd import Crowd, Holder, ask_at_once
from .registry import BOTH, FAILS, HOLDS, NOT_RUN, NotHereError
from .state_rotation import ROWS, kill_rotations

_CROWD = 50
_WINDOW = (
    "The window: the provider, which takes each refresh token once, has taken it, and the new one"
    " is not committed."
)
#: A row's figures under their names, and whether all is as it must be.
Row = tuple[dict[str, Any], bool]


def print_crowds(lab: Lab, console: Console, times: int) -> list[str]:
    """Let crowds ask, so many of each kind, and print how they went; return the verdicts."""
    kinds = [(database, holder) for database in BOTH for holder in Holder] if times else []
    title = f"{_CROWD} processes ask for one expired token at once"
    rows = [lambda kind=kind: _crowds(lab, *kind, times) for kind in kinds]
    return _printed(console, title, _WINDOW, rows)


def print_rotations(lab: Lab, console: Console, times: int) -> list[str]:
    """Kill so many rotations on each database and print what became of the rows."""
    title = f"Key rotations over {ROWS} rows, killed with SIGKILL at random moments"
    after = "After each kill all rows were opened, the rotation was run again, and all were opened."
    rows = [lambda name=name: _rotations(lab, name, times) for name in (BOTH if times else ())]
    return _printed(console, title, after, rows)


def _printed(
    console: Console, title: str, caption: str, rows: list[Callable[[], Row]]
) -> list[str]:
    """Print a table of what each row gives; return the verdicts."""
    table, verdicts = Table(title=title, caption=caption), []
    for row in rows:
        try:
            figures, holds = row()
        except NotHereError as err:
            console.print(str(err))
            verdicts.append(NOT_RUN)
            continue
        verdicts.append(HOLDS if holds else FAILS)
        if not table.columns:
            for name in (*figures, "holds"):
                table.add_column(name)
        table.add_row(*map(str, figures.values()), verdicts[-1])
    if table.rows:
        console.print(table)
    return verdicts


def _crowds(lab: Lab, database: str, holder: Holder, times: int) -> Row:
    what, console = f"{database}, the holder {holder}", Console(stderr=True)
    seen = [
        _one_crowd(lab, database, holder)
        for _ in track(range(times), what, console=console, transient=True)
    ]
    wrong = [crowd for crowd in seen if not crowd.holds]
    for crowd in wrong:
        Console(stderr=True).print(crowd)
    figures = {
        "database": database,
        "the holder": holder,
        "crowds": times,
        "POSTs": _counts(crowd.posts for crowd in seen),
        "valid answers": _counts(crowd.valid for crowd in seen),
        "killed in the window": sum(crowd.in_window for crowd in seen),
        "grants lost": sum(crowd.lost for crowd in seen),
        "deviations": len(wrong),
    }
    return figures, not wrong


def _one_crowd(lab: Lab, database: str, holder: Holder) -> Crowd:
    with lab.bench(database) as bench:
        return ask_at_once(bench, _CROWD, holder)


def _counts(values: Iterable[int]) -> str:
    """Return how often each value was seen, such as `2 (20 times)`."""
    return ", ".join(f"{value} ({times} times)" for value, times in sorted(Counter(values).items()))


def _rotations(lab: Lab, database: str, times: int) -> Row:
    with lab.bench(database) as bench:
        seen = kill_rotations(bench, times)
    figures = {
        "database": database,
        "kills": seen.kills,
        "killed part-way": seen.part_way,
        "rows unreadable": seen.unreadable,
        "rows left by the next run": seen.remaining,
        "unreadable with the new key alone": seen.unreadable_then,
    }
    bad = (seen.unreadable, seen.remaining, seen.unreadable_then)
    return figures, seen.kills == times and not any(bad)
