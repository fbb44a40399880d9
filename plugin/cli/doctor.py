"""``doctor``: everything between the settings and Microsoft, check by check."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import SettingsError
from ..findings.redact import printable
from .base import command
from .common import FOUND, opened, with_json, worker
from .output import mark, say_findings, say_json
from .source import with_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..upkeep.doctor import Check
    from .source import Source


#: Of each check.
_FIELDS = ("name", "saw", "findings", "tried")


@command()
@with_source
@with_json(_FIELDS)
@click.pass_context
def doctor(ctx: click.Context, source: Source, *, as_json: str | None) -> None:
    """Check settings, keys, database, clock, Microsoft's servers and the registration.

    Changes nothing, and opens no mailbox. Exit status 1 if something is to be done.
    """
    done = []
    for check in _checks(source):
        done.append(check)
        if as_json is None:
            _say(check)
    findings = [found for check in done for found in check.findings]
    if as_json is not None:
        say_json(done, as_json)
    else:
        say_findings(findings)
        count = len(findings)
        click.echo(f"\n{count} finding{'s' * (count != 1)}." if count else "\nAll is well.")
    ctx.exit(FOUND if findings else 0)


def _checks(source: Source) -> Iterator[Check]:
    from ...schemas.spelling import trimmed  # noqa: PLC0415 - see `common`
    from ..settings.reading import CONFIG_VARIABLE  # noqa: PLC0415
    from ..upkeep.doctor import Doctor, settings_wrong  # noqa: PLC0415

    named = trimmed(os.environ.get(CONFIG_VARIABLE, ""))
    file = None if source.host else source.config or (Path(named) if named else None)
    try:
        with opened(source, needs_database=False) as use_cases:
            yield from Doctor(use_cases.context, file).checks(worker())
    except SettingsError as err:
        yield settings_wrong(err)


def _say(check: Check) -> None:
    passed = None if not check.tried else not check.findings
    saw = printable(check.saw) if check.tried or check.saw else "not tried"
    click.echo(f"{mark(passed)} {check.name:<30} {saw}".rstrip())
