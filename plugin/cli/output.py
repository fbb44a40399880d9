"""What a person or a program reads: JSON, tables, findings, CSV. Never a secret, never a control.

Rich is imported at the first table: ``--help`` must be quick.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from ...schemas.generic_csv import harmless
from ..findings.redact import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from rich.console import Console

    from ...schemas.report import Finding

ACTORS = {
    "worker": "the worker",
    "m365_administrator": "the Microsoft 365 administrator",
    "erp_administrator": "the ERP administrator",
    "nobody": "nobody: it passes by itself",
}
PASSED, FAILED, UNTRIED = "✓", "✗", "·"
#: Columns where nobody looks: a table that is written to a file is not cut at 80.
_WIDE = 200


def say_json(value: Any) -> None:
    """Print a value that crosses the border, or plain ones, as JSON."""
    from ...schemas.plain import to_plain  # noqa: PLC0415 - see the module's docstring

    click.echo(json.dumps(to_plain(value), indent=2, ensure_ascii=False))


def console(*, err: bool = False) -> Console:
    """Return a console that takes every text as it stands: no markup, no emoji names."""
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring

    stream = sys.stderr if err else sys.stdout
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        width=None if stream.isatty() else _WIDE,
    )


def say_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table."""
    from rich import box  # noqa: PLC0415 - see the module's docstring
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    console().print(table)


def say_fields(fields: Mapping[str, str]) -> None:
    """Print names and values, one a line; what is empty is left out."""
    shown = {name: printable(text) for name, text in fields.items() if text}
    width = max(map(len, shown), default=0)
    for name, text in shown.items():
        click.echo(f"{name:<{width}}  {text}")


def say_findings(findings: Iterable[Finding]) -> None:
    """Print findings whole: what, why, who acts, what helps."""
    for found in findings:
        click.echo()
        click.secho(f"{found.title}  [{found.code}]", bold=True)
        click.echo(f"  {found.what}")
        if found.server_words:
            click.echo(f"  The server said: {found.server_words}")
        click.echo(f"  Likely cause: {found.cause}")
        click.echo(f"  Who acts: {ACTORS[found.actor]}")
        for number, step in enumerate(found.steps, 1):
            click.echo(f"  {number}. {step}")
        for command in found.commands:
            click.echo(f"       {command}")
        for name, text in {**found.links, **found.references}.items():
            click.echo(f"     {name}: {text}")


def mark(passed: bool | None) -> str:  # noqa: FBT001 - the one thing that it marks
    """Return the coloured sign for passed, failed or not tried (None)."""
    if passed is None:
        return UNTRIED
    return click.style(PASSED, fg="green") if passed else click.style(FAILED, fg="red")


def moment(at: datetime | None) -> str:
    """Return a time as the computer's owner reads it."""
    return "" if at is None else f"{at.astimezone():%Y-%m-%d %H:%M}"


def csv_line(cells: Iterable[str]) -> str:
    """Return a line of CSV (RFC 4180) that a spreadsheet takes for text throughout."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(map(harmless, cells))
    return line.getvalue()
