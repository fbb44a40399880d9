"""``db``: the database's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .base import group
from .common import HOST_NAME, with_json
from .output import say_json
from .source import with_source

if TYPE_CHECKING:
    from .source import Source


_FIELDS = ("stored", "needed", "place")


@group()
def db() -> None:
    """Look at the database, or bring it to the current schema."""


@db.command()
@with_source
@with_json(_FIELDS)
def current(source: Source, *, as_json: str | None) -> None:
    """Show the database's schema and the one that this version needs; change nothing."""
    _say(source.settings().database_url, as_json=as_json)


@db.command()
@with_source
@with_json(_FIELDS)
def upgrade(source: Source, *, as_json: str | None) -> None:
    """Bring the database to the schema of this version, as the first use by the ERP would."""
    from ..store.engines import dispose_engines, engine_for  # noqa: PLC0415 - see `common`

    database_url = source.settings().database_url
    try:
        engine_for(HOST_NAME, database_url)
    finally:
        dispose_engines()
    _say(database_url, as_json=as_json)


def _say(database_url: str, *, as_json: str | None) -> None:
    from ..settings.database import database_place  # noqa: PLC0415 - see `common`
    from ..store.engines import stored_revision  # noqa: PLC0415
    from ..store.upgrade import CURRENT  # noqa: PLC0415

    stored, place = stored_revision(database_url), database_place(database_url)
    if as_json is not None:
        say_json({"stored": stored, "needed": CURRENT, "place": place}, as_json)
    else:
        state = _state(stored, CURRENT)
        click.echo(f"{place}: schema {stored or 'none'} ({state}), this version {CURRENT}")


def _state(stored: str | None, needed: str) -> str:
    if stored is None:
        return "not set up yet: salesorder-m365 db upgrade does so"
    if stored == needed:
        return "current"
    if stored > needed:
        return "of a newer version of this plugin"
    return "old: salesorder-m365 db upgrade brings it up to date"
