"""``settings check``: every wrong setting at once, without asking the network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from .base import group
from .common import FOUND, with_json
from .output import say_json
from .source import with_source

if TYPE_CHECKING:
    from ...schemas.settings import Settings
    from .source import Source


_FIELDS = ("redirect_uri", "database", "expired")


@group()
def settings() -> None:
    """Look at the settings. To write them: salesorder-m365 setup."""


@settings.command()
@with_source
@with_json(_FIELDS)
@click.pass_context
def check(ctx: click.Context, source: Source, *, as_json: str | None) -> None:
    """List every wrong setting at once (exit status 2), and show what to register in Entra.

    Exit status 1 if the client secret or certificate has expired.
    """
    from ..settings.database import database_place  # noqa: PLC0415 - see `common`

    settings = source.settings()
    overdue = _overdue(settings)
    if as_json is not None:
        database = database_place(settings.database_url)
        values = (settings.redirect_uri, database, overdue)
        say_json(dict(zip(_FIELDS, values, strict=True)), as_json)
    else:
        click.echo(overdue or "The settings are complete.")
        click.echo(f"Redirect URI to register in Entra, platform Web: {settings.redirect_uri}")
        click.echo(f"Database: {database_place(settings.database_url)}")
    ctx.exit(FOUND if overdue else 0)


def _overdue(settings: Settings) -> str | None:
    from ..errors import RegistrationError  # noqa: PLC0415 - see `common`
    from ..settings.expiry import credential_expiry  # noqa: PLC0415

    try:
        expiry = credential_expiry(settings)
    except RegistrationError:
        return f"{settings.client_certificate} is no PEM file with a certificate."
    if expiry is None or expiry.days_left(datetime.now(UTC).date()) >= 0:
        return None
    remedy = "Make a new one in Entra, then run: salesorder-m365 setup"
    return f"The {expiry.credential} expired on {expiry.on}. {remedy}"
