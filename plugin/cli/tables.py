"""Tables that fit the screen and keep every word whole: an address that breaks cannot be copied.

Where the columns do not fit even with their texts wrapped, each row becomes a block of lines.
Written to a file or a pipe, a table is as wide as it needs.
"""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import click

from ..findings.redact import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = "  "
#: A word, or the white space between two.
_PART = re.compile(r"\S+|\s+")


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; controls in it are shown, not obeyed."""
    lines = laid_out(columns, [tuple(map(printable, row)) for row in rows], screen_width())
    for number, line in enumerate(lines):
        click.secho(line, bold=number == 0 and line.startswith(columns[0]))


def screen_width() -> int | None:
    """Return the screen's columns; None where the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def laid_out(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return the lines of a table at most `width` columns wide, or of blocks if it cannot be."""
    cells = [columns, *rows]
    natural = [max(map(cell_width, column)) for column in zip(*cells, strict=True)]
    if width is None:
        return _lines(cells, natural)
    least = [max(map(_longest_word, column)) for column in zip(*cells, strict=True)]
    room = width - len(_GAP) * (len(columns) - 1)
    if sum(least) > room:
        return _blocks(columns, rows, width)
    return _lines(cells, _shared(natural, least, room))


def _shared(natural: list[int], least: list[int], room: int) -> list[int]:
    """Return widths that fill the room: the widest column gives way first."""
    widths = list(natural)
    while sum(widths) > room:
        able = [number for number, now in enumerate(widths) if now > least[number]]
        widths[max(able, key=lambda number: widths[number])] -= 1
    return widths


def _lines(cells: Iterable[Sequence[str]], widths: list[int]) -> list[str]:
    lines = []
    for row in cells:
        wrapped = [_wrapped(text, width) for text, width in zip(row, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            parts = [texts[number] if number < len(texts) else "" for texts in wrapped]
            lines.append(_GAP.join(map(_padded, parts, widths)).rstrip())
    return lines


def _blocks(columns: Sequence[str], rows: Iterable[Sequence[str]], width: int) -> list[str]:
    label = max(map(cell_width, columns), default=0)
    lines = []
    for row in rows:
        for name, text in zip(columns, row, strict=True):
            for number, line in enumerate(_wrapped(text, max(1, width - label - len(_GAP)))):
                if line:
                    lines.append(_padded("" if number else name, label) + _GAP + line)
        lines.append("")
    return lines[:-1]


def _wrapped(text: str, width: int) -> list[str]:
    """Return the text in lines of at most `width`; a longer word has a line of its own."""
    lines = [""]
    for part in _PART.findall(text):
        if cell_width(lines[-1] + part.rstrip()) <= width:
            lines[-1] += part
        elif not part.isspace():
            lines = [*lines, part] if lines[-1] else [part]
    return [line.rstrip() for line in lines]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))


def _longest_word(text: str) -> int:
    return max(map(cell_width, text.split()), default=0)


def cell_width(text: str) -> int:
    """Return the columns that a text takes on a screen: two for a wide character."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - see `common`

    return cell_len(text)
