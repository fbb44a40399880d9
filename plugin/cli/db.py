"""``db``: the database's schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import HOST_NAME, read, with_config, with_json
from .output import say_json

if TYPE_CHECKING:
    from pathlib import Path


@click.group()
def db() -> None:
    """Look at the database, or bring it to the current schema."""


@db.command()
@with_config
@with_json
def current(config: Path | None, *, as_json: bool) -> None:
    """Tell the database's schema and the one that this version needs; change nothing."""
    _say(read(config).database_url, as_json=as_json)


@db.command()
@with_config
@with_json
def upgrade(config: Path | None, *, as_json: bool) -> None:
    """Bring the database to the schema of this version, as the first use would."""
    from ..store.engines import dispose_engines, engine_for  # noqa: PLC0415 - see `common`

    database_url = read(config).database_url
    try:
        engine_for(HOST_NAME, database_url)
    finally:
        dispose_engines()
    _say(database_url, as_json=as_json)


def _say(database_url: str, *, as_json: bool) -> None:
    from ..store.engines import stored_revision  # noqa: PLC0415 - see `common`
    from ..store.upgrade import CURRENT  # noqa: PLC0415

    stored = stored_revision(database_url)
    if as_json:
        say_json({"stored": stored, "needed": CURRENT})
    else:
        state = _state(stored, CURRENT)
        click.echo(f"database {stored or 'none'} ({state}), this version {CURRENT}")


def _state(stored: str | None, needed: str) -> str:
    if stored is None:
        return "not set up yet: salesorder-m365 db upgrade does so"
    if stored == needed:
        return "current"
    if stored > needed:
        return "of a newer version of this plugin"
    return "old: salesorder-m365 db upgrade brings it up to date"
