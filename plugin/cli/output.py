"""What a person or a program reads: JSON, findings, CSV. Never a secret, never a control.

Rich is imported where it is needed: ``--help`` must be quick.
"""

from __future__ import annotations

import csv
import functools
import io
import json
import os
import re
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
#: What a terminal obeys, or shows as something else: C1 controls, bidi and other format
#: characters, the separators of lines and paragraphs, lone surrogates. JSON escapes C0 itself.
_UNSHOWN = re.compile(
    "[\x7f-\x9f\xad\u061c\u06dd\u070f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0001-\U000e007f]"
)


def say_json(value: Any, fields: str = "") -> None:
    """Print a value that crosses the border, or plain ones, as JSON.

    `fields` are the names of those that are wanted, separated by commas; ``values.username`` is
    one inside another.
    """
    from ...schemas.plain import to_plain  # noqa: PLC0415 - see the module's docstring

    plain = to_plain(value)
    if fields:
        names = fields.split(",")
        every = isinstance(plain, list)
        plain = [_part(each, names) for each in plain] if every else _part(plain, names)
    text = json.dumps(plain, indent=2, ensure_ascii=False)
    click.echo(_UNSHOWN.sub(_escaped, text))


def _part(plain: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: functools.reduce(_inside, name.split("."), plain) for name in names}


def _inside(plain: Any, name: str) -> Any:
    return plain.get(name) if isinstance(plain, dict) else None


def _escaped(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]


def console(*, err: bool = False) -> Console:
    """Return a console that takes every text as it stands: no markup, no emoji names."""
    from rich.console import Console  # noqa: PLC0415 - see the module's docstring

    stream = sys.stderr if err else sys.stdout
    return Console(
        file=stream,
        markup=False,
        emoji=False,
        highlight=False,
        color_system="auto" if colours_wanted() else None,
    )


def colours_wanted() -> bool:
    """Return whether colours and bold letters may be sent (no-color.org, terminfo's dumb)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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
    """Return a time by the computer's clock, with its distance from UTC."""
    return "" if at is None else at.astimezone().isoformat(" ", "minutes")


def csv_line(cells: Iterable[str]) -> str:
    """Return a line of CSV (RFC 4180) that a spreadsheet takes for text throughout."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(map(harmless, cells))
    return line.getvalue()
