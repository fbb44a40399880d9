"""The rows of all rounds as one table, as JSON, and as text for the documentation."""

import json
import math
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from .measure import Kind, Row

_LIBRARIES = (
    *("pluggy", "msal", "msal-extensions", "IMAPClient", "imap-tools"),
    *("marshmallow", "SQLAlchemy", "psycopg", "cryptography"),
)
_HEADS = ("", "what", "beside", "ours", "peer", "value", "spread", "goal", "met")


def merged(rounds: Sequence[Sequence[Row]]) -> list[Row]:
    """Return one row of each kind: medians over the rounds, and the extremes as the spread."""
    by_name: dict[tuple[str, ...], list[Row]] = {}
    for row in (row for rows in rounds for row in rows):
        by_name.setdefault((row.bench, row.what, row.peer), []).append(row)
    return [_merged(rows) for rows in by_name.values()]


def _merged(rows: Sequence[Row]) -> Row:
    if len(rows) == 1:
        return rows[0]
    values = [row.value for row in rows]
    peers = [row.peer_is for row in rows if row.peer_is is not None]
    return replace(
        rows[0],
        ours_is=statistics.median(row.ours_is for row in rows),
        peer_is=statistics.median(peers) if peers else None,
        value=statistics.median(values),
        low=min(values),
        high=max(values),
    )


def table(rows: Iterable[Row], *, thresholds: bool) -> Table:
    """Return what `make bench` prints; without `thresholds` nothing is said about goals."""
    shown = Table(title="ours beside its peers; value = ours / peer unless a unit is given")
    for head in _HEADS[: None if thresholds else -2]:
        shown.add_column(head, justify="left" if head in _HEADS[:3] else "right")
    for row in rows:
        cells = _cells(row)
        shown.add_row(*(cells if thresholds else cells[:-2]))
    return shown


def _cells(row: Row) -> tuple[str, ...]:
    unit = "" if row.kind is Kind.RATIO else f" {row.unit}"
    return (
        row.bench,
        row.what,
        row.peer,
        f"{_short(row.ours_is)} {row.unit}".strip(),
        "" if row.peer_is is None else f"{_short(row.peer_is)} {row.unit}".strip(),
        f"{_short(row.value)}{unit}",
        "" if row.low == row.high else f"{_short(row.low)} to {_short(row.high)}",
        "" if row.goal is None else f"≤ {_short(row.goal)}{unit}",
        {True: "yes", False: "NO", None: ""}[row.met],
    )


def _short(value: float) -> str:
    """Return three significant digits, without an exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{value:.{digits}f}"


def markdown(rows: Iterable[Row]) -> str:
    """Return the table for a page."""
    lines = [" | ".join(_HEADS), " | ".join("---" for _ in _HEADS)]
    lines += [" | ".join(_cells(row)) for row in rows]
    return "".join(f"| {line} |\n" for line in lines)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def write(folder: Path, rounds: Sequence[Sequence[Row]], facts: dict[str, Any]) -> None:
    """Write all rounds and the merged rows to ``results.json`` and ``results.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = merged(rounds)
    document = {
        **facts,
        "rows": [asdict(row) | {"met": row.met} for row in rows],
        "rounds": [[asdict(row) for row in measured] for measured in rounds],
    }
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(rows))


def profile(row: Row) -> Table:
    """Return where the time of a missed goal goes."""
    shown = Table(
        title=f"{row.bench}, {row.what}: where the time of one goes", title_justify="left"
    )
    shown.add_column("function")
    shown.add_column("ms of its own", justify="right")
    for function, own in row.profile.items():
        shown.add_row(function, _short(own))
    return shown


def show(console: Console, rows: Iterable[Row], facts: dict[str, Any], *, goals: bool) -> None:
    """Print the table, and what it was measured on."""
    rows = list(rows)
    console.print(table(rows, thresholds=goals))
    for row in rows:
        for name, value in row.notes.items():
            console.print(f"{row.bench}, {row.what}: {name} {_short(value)}")
    if goals:
        for missed in {(row.bench, row.what): row for row in rows if row.met is False}.values():
            console.print(profile(missed))
    console.print(
        f"Python {facts['python']}, {facts['processors']} processors,"
        f" load {facts['load']:.1f} at the start; distance by {facts['distance']}."
    )
