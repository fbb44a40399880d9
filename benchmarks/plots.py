"""The rows that have a size, drawn: how cost grows, ours and the peers'."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from .charts import Axis, Point, draw
from .measure import Row

_OURS = "salesorder-m365"
_MILLISECONDS = Axis("milliseconds")
_PLOTS = {
    "B2": ("One valid token, by number of accounts", Axis("accounts"), _MILLISECONDS),
    "B4": (
        "Test Connection, by distance to the servers",
        Axis("round trip in milliseconds", logarithmic=False),
        Axis("milliseconds", logarithmic=False),
    ),
    "B5": ("The folders' dropdowns, by number of folders", Axis("folders"), _MILLISECONDS),
}
_NAMES = {"B2": "tokens", "B4": "connection", "B5": "folders"}


def write(folder: Path, rows: Iterable[Row]) -> list[Path]:
    """Draw each benchmark that grows with a size; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    by_bench: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.series:
            by_bench[row.bench].append(row)
    files = []
    for bench, (title, across, up) in _PLOTS.items():
        if by_bench[bench]:
            files.append(folder / f"performance-{_NAMES[bench]}.svg")
            draw(files[-1], title, across, up, _lines(by_bench[bench]))
    return files


def _lines(rows: Sequence[Row]) -> dict[str, list[Point]]:
    lines: dict[str, dict[float, float]] = {} if rows[0].base else {_OURS: {}}
    for row in rows:
        if row.base:  # ours beside ours at the smallest size
            line = lines.setdefault(row.series, {row.base: row.peer_is or 0.0})
            line[row.size] = row.ours_is
        else:
            lines.setdefault(row.series, {})[row.size] = row.peer_is or 0.0
            lines.get(_OURS, {})[row.size] = row.ours_is
    return {name: sorted(line.items()) for name, line in lines.items()}
