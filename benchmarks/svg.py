"""Line charts as SVG: small files of plain elements, to be read on light and dark pages alike."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Point = tuple[float, float]
Scale = Callable[[float], float]

_WIDTH, _HEIGHT = 820, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 320, 52, 50
#: Okabe and Ito's colours, told apart by the colour-blind too; ours is the first.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#000000")
_STYLE = "font-family: system-ui, sans-serif; font-size: 13px"


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, and whether decades are as far apart as their logarithms."""

    label: str
    logarithmic: bool = True


def chart(title: str, across: Axis, up: Axis, lines: Mapping[str, Sequence[Point]]) -> str:
    """Return a chart of lines through their points, with a legend in the order of the lines."""
    points = [point for line in lines.values() for point in line]
    marks = [_marks([p[i] for p in points], axis) for i, axis in enumerate((across, up))]
    x = _scale(marks[0], across, _LEFT, _WIDTH - _RIGHT)
    y = _scale(marks[1], up, _HEIGHT - _BOTTOM, _TOP)
    space = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    parts = [
        f'<svg {space} role="img" style="{_STYLE}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="#fff"/>',
        _text(_LEFT - 58, 22, title, weight="600"),
        *_grid(marks[0], marks[1], x, y),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, across.label, anchor="middle"),
        _text(_LEFT - 58, _TOP - 10, up.label),
    ]
    for number, (name, line) in enumerate(lines.items()):
        parts += _line(number, name, [(x(one), y(other)) for one, other in line])
    return "\n".join([*parts, "</svg>", ""])


def _marks(values: Sequence[float], axis: Axis) -> list[float]:
    """Return where the axis has its marks; the outer ones enclose all values."""
    low, high = min(values), max(values)
    if axis.logarithmic:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        return [10.0**power for power in range(first, max(last, first + 1) + 1)]
    step = 10.0 ** math.floor(math.log10(high))
    step = next(part * step for part in (0.2, 0.5, 1, 2) if high / (part * step) <= 6)
    return [step * number for number in range(math.ceil(high / step) + 1)]


def _scale(marks: Sequence[float], axis: Axis, start: float, end: float) -> Scale:
    of = math.log10 if axis.logarithmic else float
    low, high = of(marks[0]), of(marks[-1])
    return lambda value: start + (of(value) - low) / (high - low) * (end - start)


def _grid(across: Sequence[float], up: Sequence[float], x: Scale, y: Scale) -> list[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    grid = '<path d="{}" stroke="#ddd" fill="none"/>'.format(
        " ".join(
            [f"M{x(mark):.1f} {_TOP}V{bottom}" for mark in across]
            + [f"M{_LEFT} {y(mark):.1f}H{right}" for mark in up]
        )
    )
    below = [_text(x(mark), bottom + 18, f"{mark:,g}", anchor="middle") for mark in across]
    beside = [_text(_LEFT - 8, y(mark) + 4, f"{mark:,g}", anchor="end") for mark in up]
    return [grid, *below, *beside]


def _line(number: int, name: str, points: Sequence[Point]) -> list[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    dot = '<circle cx="{:.1f}" cy="{:.1f}" r="3.5" fill="{}"/>'
    path = "L".join(f"{one:.1f} {other:.1f}" for one, other in points)
    at = _TOP + 10 + 22 * number
    left = _WIDTH - _RIGHT + 20
    return [
        f'<path d="M{path}" stroke="{colour}" stroke-width="2.5" fill="none"/>',
        *(dot.format(one, other, colour) for one, other in points),
        f'<path d="M{left} {at}h18" stroke="{colour}" stroke-width="4"/>',
        _text(left + 26, at + 4, name),
    ]


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "400") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
        f' fill="#222">{escape(text)}</text>'
    )
