"""How the results of ``accounts test --all`` are written: lines as they come, CSV, or JSON."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

import click

from ..findings.redact import printable
from .output import ACTORS, console, csv_line, mark, say_json
from .tables import say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from ...schemas.view import AccountView
    from ..connection.fleet import Cause, Checked, Summary

#: Names of accounts that the summary shows for one cause; JSON and CSV have them all.
_NAMES_SHOWN = 3
_CSV_COLUMNS = ("id", "account", "mailbox", "passed", "seconds", "codes", "findings")


class Reporter(AbstractContextManager["Reporter"]):
    """A bar on the screen while the tests run; subclasses choose what is written."""

    def __init__(self, views: Sequence[AccountView], fields: str = "") -> None:
        self._fields = fields
        self._bar = _bar(self._screen())
        self._task = self._bar.add_task("Testing", total=len(views))

    def _screen(self) -> Console | None:
        """Return where the bar goes: not between lines of CSV or JSON on one screen."""
        return None if sys.stdout.isatty() else console(err=True)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def take(self, tested: Checked) -> None:
        """Take a result."""
        self._bar.advance(self._task)
        self._show(tested)

    def end(self, summary: Summary, done: Sequence[Checked]) -> None:
        """Take the summary, after the bar is gone; it is incomplete if the run was interrupted."""

    def _show(self, tested: Checked) -> None:
        """Write a result."""


class LineReporter(Reporter):
    """For a person: a line per account, a summary by cause."""

    def __init__(self, views: Sequence[AccountView], fields: str = "") -> None:
        super().__init__(views, fields)
        self._name = max((len(view.values.account_name) for view in views), default=0)
        self._mailbox = max((len(view.mailbox) for view in views), default=0)

    def _screen(self) -> Console | None:
        return console()

    def _show(self, tested: Checked) -> None:
        codes = ", ".join(found.code for found in tested.findings)
        line = (
            f"{mark(tested.passed)} {printable(tested.name):<{self._name}} "
            f" {tested.mailbox:<{self._mailbox}} {tested.seconds:5.1f} s  {codes}"
        )
        self._write(line.rstrip())

    def _write(self, line: str) -> None:
        if self._bar.disable:
            click.echo(line)
        else:  # above the bar
            from rich.text import Text  # noqa: PLC0415 - see `output`

            self._bar.console.print(Text.from_ansi(line), soft_wrap=True)

    def end(self, summary: Summary, done: Sequence[Checked]) -> None:  # noqa: ARG002 - the base's
        """Write the summary."""
        tested = f"{summary.tested} accounts"
        if not summary.complete:
            tested = f"Interrupted: {summary.tested} of {summary.asked} accounts"
        works, not_yet = summary.passed, summary.tested - summary.passed
        click.echo(f"\n{tested} tested in {summary.seconds:.1f} s: {works} work, {not_yet} do not.")
        if summary.causes:
            columns = ("Accounts", "Cause", "Code", "Who acts", "Such as")
            say_table(columns, map(_cause, summary.causes))


class CsvReporter(Reporter):
    """For a spreadsheet: lines as the results come, so that an interrupted run is of use."""

    def __enter__(self) -> Self:
        click.echo(csv_line(_CSV_COLUMNS))
        return super().__enter__()

    def _show(self, tested: Checked) -> None:
        cells = (
            tested.account_id,
            tested.name,
            tested.mailbox,
            "yes" if tested.passed else "no",
            f"{tested.seconds:.3f}",
            " ".join(found.code for found in tested.findings),
            "; ".join(found.title for found in tested.findings),
        )
        click.echo(csv_line(cells))

    def end(self, summary: Summary, done: Sequence[Checked]) -> None:  # noqa: ARG002 - the base's
        """Write the summary."""
        if not summary.complete:
            click.echo(f"Interrupted: {summary.tested} of {summary.asked} tested.", err=True)


class JsonReporter(Reporter):
    """For a program: one document at the end, also when it was interrupted."""

    def end(self, summary: Summary, done: Sequence[Checked]) -> None:
        """Write the document."""
        document = {"complete": summary.complete, "summary": summary, "accounts": list(done)}
        say_json(document, self._fields)


def _bar(screen: Console | None) -> Any:
    """Return a progress bar; one that shows nothing without a `screen` that is a terminal."""
    from rich import progress  # noqa: PLC0415 - see `output`

    return progress.Progress(
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=screen is None or not screen.is_terminal or screen.is_dumb_terminal,
    )


def _cause(cause: Cause) -> tuple[str, ...]:
    more = len(cause.accounts) - _NAMES_SHOWN
    names = ", ".join(cause.accounts[:_NAMES_SHOWN])
    return (
        str(len(cause.accounts)),
        cause.title,
        cause.code,
        ACTORS[cause.actor],
        f"{names} and {more} more" if more > 0 else names,
    )
