"""``accounts token``: an access token for other languages and old tools."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .base import command
from .common import find_account, opened, worker
from .names import with_account
from .source import with_source

if TYPE_CHECKING:
    from .source import Source


def on_terminal() -> bool:
    """Return whether what is printed is seen on a screen."""
    return sys.stdout.isatty()


@command()
@with_account
@click.option("--protocol", type=click.Choice(["smtp", "imap"]), default="smtp", show_default=True)
@click.option("--xoauth2", is_flag=True, help="The whole SASL string in base64, not the token.")
@click.option("--show", is_flag=True, help="Print it on a terminal too, where others may see it.")
@with_source
def token(account: str, protocol: str, source: Source, *, xoauth2: bool, show: bool) -> None:
    """Print an access token, renewed if that is needed; it lasts about an hour.

    It is a secret: with it anybody reads and sends mail. Pass it on through a pipe.
    """
    if on_terminal() and not show:
        raise click.UsageError("A token is a secret. Pass it on through a pipe, or give --show.")
    with opened(source) as use_cases:
        view = find_account(use_cases, account)
        access = use_cases.access.mail_access(view.id, protocol, worker(), None)
    click.echo(access.xoauth2 if xoauth2 else access.token)
