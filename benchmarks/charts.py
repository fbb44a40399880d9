"""Line charts as SVG, to be read on light and dark pages alike: drawn by matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Point = tuple[float, float]

#: Okabe and Ito's colours, told apart by the colour-blind too; ours is the first.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#000000")
#: Text stays text, for screen readers and search; ids do not change from run to run.
_SVG = {"svg.fonttype": "none", "svg.hashsalt": "salesorder-m365", "font.family": "sans-serif"}


@dataclass(frozen=True)
class Axis:
    """One axis: what it shows, and whether decades are as far apart as their logarithms."""

    label: str
    logarithmic: bool = True


def draw(
    file: Path, title: str, across: Axis, up: Axis, lines: Mapping[str, Sequence[Point]]
) -> None:
    """Write a chart of lines through their points, with a legend in the order of the lines."""
    # A heavy library, needed here only. No pyplot: it keeps every figure.
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context(_SVG):
        figure = Figure(figsize=(8.2, 4), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, points) in enumerate(lines.items()):
            colour = _COLOURS[number % len(_COLOURS)]
            width = 1.5 if number else 3
            axes.plot(*zip(*points, strict=True), "o-", label=name, color=colour, linewidth=width)
        axes.set(title=title, xlabel=across.label, ylabel=up.label)
        axes.set_xscale("log" if across.logarithmic else "linear")
        axes.set_yscale("log" if up.logarithmic else "linear")
        if not up.logarithmic:
            axes.set_ylim(bottom=0)
        axes.grid(visible=True, color="#dddddd")
        figure.legend(loc="outside right upper", frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": title})
