"""``accounts test``: Test Connection for one account, or for all of them side by side.

How the results of many are written is `reporters`' job.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import fields as fields_of
from functools import partial
from typing import TYPE_CHECKING

import click

from ..findings.redact import printable
from .base import command
from .common import FOUND, INTERRUPTED, find_account, opened, with_json, worker
from .names import accounts
from .output import mark, say_findings, say_json
from .reporters import CsvReporter, JsonReporter, LineReporter
from .source import with_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...schemas.report import Stage
    from ...schemas.view import AccountView
    from ..connection.fleet import Checked
    from ..use_cases import UseCases
    from .reporters import Reporter
    from .source import Source


#: The fields of the document about all accounts.
_ALL = ("complete", "summary", "accounts")


@command()
@click.argument("account", metavar="[ACCOUNT]", required=False, shell_complete=accounts)
@click.option("--all", "every", is_flag=True, help="Test every account.")
@click.option("--csv", "as_csv", is_flag=True, help="With --all: print CSV, a line per account.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 64),
    default=16,
    metavar="N",
    help="With --all: run up to N tests at a time (16).",
)
@with_json(lambda: sorted({*_one(), *_ALL}))
@with_source
@click.pass_context
def test(
    ctx: click.Context,
    account: str | None,
    source: Source,
    at_once: int,
    *,
    every: bool,
    as_csv: bool,
    as_json: str | None,
) -> None:
    """Test the connection of an account, or of --all; exit status 1 if one does not pass.

    Ctrl-C interrupts --all, which still prints what was found so far (exit status 130).
    """
    if every == (account is not None):
        raise click.UsageError("Give either an ACCOUNT or --all.")
    if as_csv and (as_json is not None or not every):
        raise click.UsageError("--csv goes with --all, and without --json.")
    _check_fields(as_json, every=every)
    with opened(source) as use_cases:
        if account is not None:
            status = _test_one(use_cases, account, as_json=as_json)
        else:
            json = as_json is not None
            kind = JsonReporter if json else CsvReporter if as_csv else LineReporter
            status = _test_all(use_cases, at_once, partial(kind, fields=as_json or ""))
    ctx.exit(status)


def _check_fields(as_json: str | None, *, every: bool) -> None:
    """Refuse fields of the other document: one report, or all of them with a summary."""
    fields = _ALL if every else _one()
    wrong = [
        each for each in (as_json or "").split(",") if each and each.split(".")[0] not in fields
    ]
    if wrong:
        msg = f"There is no field {', '.join(wrong)} here. Fields are {', '.join(sorted(fields))}."
        raise click.UsageError(msg)


def _one() -> Sequence[str]:
    from ...schemas.report import ConnectionReport  # noqa: PLC0415 - see `common`

    return [field.name for field in fields_of(ConnectionReport)]


def _test_one(use_cases: UseCases, account: str, *, as_json: str | None) -> int:
    view = find_account(use_cases, account)
    report = use_cases.connection_tests.test(
        view.id, worker(), None if as_json is not None else _show_stage
    )
    if as_json is not None:
        say_json(report, as_json)
    else:
        say_findings(report.findings)
        verdict = "works" if report.passed else "does not work yet"
        if report.passed and report.unproved:
            verdict += ", as far as it can be seen without sending"
        click.echo(f"\n{view.values.account_name} {verdict} ({report.seconds:.1f} s).")
    return 0 if report.passed else FOUND


def _show_stage(stage: Stage) -> None:
    if stage.status not in {"passed", "accepted", "failed"}:
        return
    took = f"{1000 * (stage.seconds or 0):5.0f} ms"
    line = f"{stage.protocol:<5} {took}  {stage.label}. {printable(stage.detail)}"
    click.echo(f"{mark(stage.status != 'failed')} {line.rstrip()}")


def _test_all(
    use_cases: UseCases, at_once: int, kind: Callable[[Sequence[AccountView]], Reporter]
) -> int:
    from ..connection import fleet  # noqa: PLC0415 - see `common`

    views = use_cases.accounts.list(worker())
    done: list[Checked] = []
    tests = fleet.check_each(
        views, lambda each: use_cases.connection_tests.test(each, worker(), None), at_once=at_once
    )
    reporter, started, status = kind(views), time.monotonic(), 0
    try:
        with reporter, closing(tests):
            for tested in tests:
                done.append(tested)
                reporter.take(tested)
    except KeyboardInterrupt:
        status = INTERRUPTED
    seconds = time.monotonic() - started
    summary = fleet.summary(done, asked=len(views), seconds=seconds)
    reporter.end(summary, done)
    return status or (0 if summary.passed == summary.tested else FOUND)
