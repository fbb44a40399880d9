"""``settings check``: every wrong setting at once, without a word to the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import read, with_config, with_json
from .output import say_json

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def settings() -> None:
    """Look at the settings. To write them: salesorder-m365 setup."""


@settings.command()
@with_config
@with_json
def check(config: Path | None, *, as_json: bool) -> None:
    """Tell every wrong setting at once (exit status 2), and what to register in Entra."""
    redirect_uri = read(config).redirect_uri
    if as_json:
        say_json({"redirect_uri": redirect_uri})
        return
    click.echo("The settings are complete.")
    click.echo(f"Redirect URI to register in Entra, platform Web: {redirect_uri}")
