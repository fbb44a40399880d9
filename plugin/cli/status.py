"""``status``: what needs an administrator, from the database and the settings alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from .base import command
from .common import FOUND, opened, with_json, worker
from .output import say_findings, say_json
from .source import with_source

if TYPE_CHECKING:
    from ...schemas.report import Finding
    from ...schemas.view import AccountView
    from .source import Source

_FIELDS = ("findings", "accounts")


@command()
@with_source
@with_json(_FIELDS)
@click.pass_context
def status(ctx: click.Context, source: Source, *, as_json: str | None) -> None:
    """Show what needs an administrator, and how many accounts are in which state.

    The ERP's status page shows the same findings (salesorder_health). Neither Microsoft nor a mail
    server is asked: salesorder-m365 doctor does that. Exit status 1 if something is to be done.
    """
    with opened(source) as use_cases:
        findings = use_cases.health.findings(worker())
        views = use_cases.accounts.list(worker())
    if as_json is not None:
        states = Counter(str(view.state) for view in views)
        say_json(dict(zip(_FIELDS, (findings, states), strict=True)), as_json)
    else:
        _show(findings, views)
    ctx.exit(FOUND if findings else 0)


def _show(findings: list[Finding], views: tuple[AccountView, ...] | list[AccountView]) -> None:
    labels = Counter(view.state_label for view in views)
    states = ", ".join(f"{count} {label.lower()}" for label, count in labels.most_common())
    click.echo(f"{len(views)} account{'s' * (len(views) != 1)}{': ' * bool(views)}{states}")
    say_findings(findings)
    count = len(findings)
    click.echo(f"\n{count} finding{'s' * (count != 1)}." if count else "Nothing to be done.")
