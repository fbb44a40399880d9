"""The command ``salesorder-m365``: settings, keys and database; other floors add their commands.

Commands of the floors above (simulator, demo) come in by entry points, for this floor may not
import them.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from .errors import M365Error, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from ..schemas.settings import Settings
    from .rotation import KeyUse, Rotated
    from .store.sealing import KeyRing

#: Entry points of this group name click commands.
COMMANDS = "salesorder_m365.commands"


class Commands(click.Group):
    """A group whose commands fail with one clear line, and that takes commands by entry point."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return our own commands and those of the entry points, without loading these."""
        return sorted({*super().list_commands(ctx), *entry_points(group=COMMANDS).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one whose libraries are not installed says so when it is run."""
        own = super().get_command(ctx, cmd_name)
        found = entry_points(group=COMMANDS, name=cmd_name)
        return own or (_load(next(iter(found))) if found else None)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours becomes one line on stderr and exit status 1."""
        try:
            return super().invoke(ctx)
        except M365Error as err:
            raise click.ClickException(str(err)) from err


def _load(entry: EntryPoint) -> click.Command:
    try:
        command: click.Command = entry.load()
    except ModuleNotFoundError as err:
        missing = err.name or ""
        if missing.partition(".")[0] == __name__.partition(".")[0]:
            raise  # a module of ours: the installation is broken, not incomplete
        return _without_extra(entry.name, missing)
    return command


def _without_extra(name: str, missing: str) -> click.Command:
    def refuse() -> None:
        raise click.ClickException(
            f"The command {name} needs the extra [demo] ({missing} is not installed):"
            " pip install 'salesorder-m365[demo]'"
        )

    return click.Command(
        name,
        callback=refuse,
        short_help="(needs the extra [demo])",
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(cls=Commands)
@click.version_option(__version__, prog_name="salesorder-m365")
def main() -> None:
    """Corporate Microsoft 365 mail accounts for a Salesorder-style ERP."""


def _with_config(command: Callable[..., None]) -> Callable[..., None]:
    option = click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Ini file with a section [salesorder-m365]; SALESORDER_M365_CONFIG does the same.",
    )
    return option(command)


def _settings(config: Path | None) -> Settings:
    from .settings import read_settings  # noqa: PLC0415 - marshmallow is not needed for --help

    return read_settings(file=config)


@main.group("settings")
def settings_group() -> None:
    """Look at the settings."""


@settings_group.command()
@_with_config
@click.pass_context
def check(ctx: click.Context, config: Path | None) -> None:
    """Tell every wrong setting at once (exit status 2), and what to register in Entra."""
    try:
        settings = _settings(config)
    except SettingsError as err:
        for name, texts in err.problems.items():
            click.echo(f"{name}: {' '.join(texts)}", err=True)
        ctx.exit(2)
    click.echo("The settings are complete.")
    click.echo(f"Redirect URI to register in Entra, platform Web: {settings.redirect_uri}")


@main.group()
def keys() -> None:
    """Make keys, see which are in use, and seal everything with the newest."""


@keys.command()
def new() -> None:
    """Print a fresh key for the setting key_ring."""
    key_id = f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"
    click.echo(f"{key_id}:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    click.echo(
        "Put this line first in the setting key_ring and keep the older keys behind it."
        " It is a secret, printed only once: without it the grants cannot be opened.",
        err=True,
    )


@keys.command("check")
@_with_config
@click.pass_context
def check_keys_in_use(ctx: click.Context, config: Path | None) -> None:
    """Tell which keys sealed what, which are unused and which are missing (exit status 1)."""
    from .rotation import uses  # noqa: PLC0415 - see _settings

    with _opened(config) as (engine, ring):
        found = uses(engine, ring)
    width = max(len(use.key_id) for use in found)
    for use in found:
        click.echo(f"{use.key_id or '?':<{width}}  {use.values:>7} values  {_role(use)}")
    ctx.exit(0 if all(use.in_ring for use in found) else 1)


def _role(use: KeyUse) -> str:
    if not use.key_id:
        return "not readable by any key: these rows were changed or cut off"
    if not use.in_ring:
        return "MISSING from the setting key_ring: what it sealed cannot be opened"
    if use.newest:
        return "newest: seals what is stored from now on"
    return "in use: salesorder-m365 keys rotate" if use.values else "unused: may be taken out"


@keys.command()
@_with_config
@click.pass_context
def rotate(ctx: click.Context, config: Path | None) -> None:
    """Seal everything with the newest key; may be stopped and run again at any time."""
    with _opened(config) as (engine, ring):
        done = _rotated(engine, ring)
    click.echo(f"{done.resealed} rows sealed anew with {ring.newest}, {done.remaining} remain.")
    for row in done.unreadable:
        click.echo(row, err=True)
    ctx.exit(1 if done.remaining else 0)


def _rotated(engine: Engine, ring: KeyRing) -> Rotated:
    from . import rotation  # noqa: PLC0415 - see _settings

    rows = rotation.remaining(engine, ring)
    # The bar shows itself on a terminal only.
    with click.progressbar(length=rows, label=f"Sealing with {ring.newest}") as bar:
        return rotation.rotate(engine, ring, progress=bar.update)


@contextmanager
def _opened(config: Path | None) -> Iterator[tuple[Engine, KeyRing]]:
    """Give the database with a key ring that fits it."""
    from .store.engines import dispose_engines, engine_for  # noqa: PLC0415 - see _settings
    from .store.keys import check_keys  # noqa: PLC0415
    from .store.sealing import KeyRing  # noqa: PLC0415

    settings = _settings(config)
    ring = KeyRing(settings.key_ring)
    try:
        engine = engine_for("salesorder-m365", settings.database_url)
        check_keys(engine, ring)
        yield engine, ring
    finally:
        dispose_engines()


@main.group()
def db() -> None:
    """Look at the database, or bring it to the current schema."""


@db.command()
@_with_config
def current(config: Path | None) -> None:
    """Tell the database's schema and the one that this version needs; change nothing."""
    click.echo(_revisions(_settings(config).database_url))


@db.command()
@_with_config
def upgrade(config: Path | None) -> None:
    """Bring the database to the schema of this version, as the first use would."""
    from .store.engines import dispose_engines, engine_for  # noqa: PLC0415 - see _settings

    database_url = _settings(config).database_url
    try:
        engine_for("salesorder-m365", database_url)
    finally:
        dispose_engines()
    click.echo(_revisions(database_url))


def _revisions(database_url: str) -> str:
    from .store.engines import stored_revision  # noqa: PLC0415 - see _settings
    from .store.upgrade import CURRENT  # noqa: PLC0415

    stored = stored_revision(database_url)
    if stored is None:
        state = "not set up yet: salesorder-m365 db upgrade does so"
    elif stored == CURRENT:
        state = "current"
    elif stored > CURRENT:
        state = "of a newer version of this plugin"
    else:
        state = "old: salesorder-m365 db upgrade brings it up to date"
    return f"database {stored or 'none'} ({state}), this version {CURRENT}"
