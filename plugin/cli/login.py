"""``accounts login``: sign an account in from a terminal, by a device code or as the app itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..findings.redact import printable
from .asking import confirmed
from .base import command
from .common import FOUND, find_account, opened, worker
from .names import with_account
from .output import say_findings
from .source import with_source

if TYPE_CHECKING:
    from ...schemas.report import Finding
    from ...schemas.view import AccountView
    from ..sign_in.device import DeviceCode
    from ..use_cases import UseCases
    from .source import Source


@command()
@with_account
@click.option("--device", is_flag=True, help="With a code, on any device with a browser.")
@click.option("--app", is_flag=True, help="The app itself opens the mailbox; no person signs in.")
@with_source
@click.pass_context
def login(ctx: click.Context, account: str, source: Source, *, device: bool, app: bool) -> None:
    """Sign an account in at Microsoft.

    With --device it shows a page and a code, and waits: the mailbox's owner opens the page on
    any device, types the code and signs in. The ERP's own way, the Login button, needs no code.

    With --app the ERP's app opens the mailbox by itself, until an administrator takes that away.
    The commands that let it in are printed for Exchange Online PowerShell.
    """
    if device and app:
        raise click.UsageError("Give either --device or --app.")
    question = "Sign in with a code, on any device with a browser?"
    if not (device or app or confirmed(question, option="--device or --app", default=True)):
        raise click.UsageError("A terminal has no browser to come back to: give --device or --app.")
    device = not app
    with opened(source) as use_cases:
        view = find_account(use_cases, account)
        found = _by_device(use_cases, view) if device else _by_app(use_cases, view)
    if found is not None:
        say_findings([found])
        ctx.exit(FOUND)


def _by_device(use_cases: UseCases, view: AccountView) -> Finding | None:
    outcome = use_cases.sign_in.by_device(
        view.id, worker(), lambda code: _show(code, view.values.username)
    )
    if outcome.finding is None:
        click.echo(f"Connected: {outcome.signed_in_as} is signed in.")
    return outcome.finding


def _by_app(use_cases: UseCases, view: AccountView) -> Finding | None:
    outcome = use_cases.app_access.connect(view.id, worker())
    if not outcome.connected:
        return outcome.finding
    click.echo(
        f"Connected without a person. Now let the app into {view.mailbox}: in Exchange Online\n"
        "PowerShell (begin with Connect-ExchangeOnline), the first command once for all mailboxes:"
    )
    for line in outcome.finding.commands:
        click.echo(f"    {line}")
    click.echo("It can take an hour to be in force. Then: salesorder-m365 accounts test")
    return None


def _show(code: DeviceCode, username: str) -> None:
    click.echo(f"1. Open    {printable(code.page)}")
    click.echo(f"2. Type    {printable(code.code)}")
    click.echo(f"3. Sign in as {username}, and agree to what is asked.")
    click.echo("Type only a code that you have asked for yourself.")
    click.echo(f"Waiting up to {code.seconds // 60} minutes; Ctrl-C gives up ...")
