"""``keys``: make keys, see which are in use, seal everything with the newest."""

from __future__ import annotations

import base64
import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .base import group
from .common import FOUND, opened, with_json
from .output import say_json
from .source import with_source

if TYPE_CHECKING:
    from ..use_cases import UseCases
    from ..vault.rotation import KeyUse, Rotated
    from .source import Source


_FIELDS = ("key_id", "values", "in_ring", "newest")


@group()
def keys() -> None:
    """Make keys, see which are in use, and seal everything with the newest."""


def on_screen() -> bool:
    """Return whether the output goes to a screen."""
    return sys.stdout.isatty()


def new_key() -> str:
    """Return a fresh key as the setting key_ring takes it; its id names the day."""
    key_id = f"k{datetime.now(UTC):%Y%m%d}-{secrets.token_hex(2)}"
    return f"{key_id}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


@keys.command()
@click.option("--show", is_flag=True, help="Print it on a screen too.")
def new(*, show: bool) -> None:
    """Print a fresh key for the setting key_ring: into a file, or to a vault's own program."""
    if on_screen() and not show:
        raise click.UsageError(
            "A key is a secret, and this is a screen. salesorder-m365 keys add puts a new one into"
            " the settings file unseen; or redirect the output; or say --show."
        )
    click.echo(new_key())
    click.echo(
        "Put this line first in the setting key_ring and keep the older keys behind it."
        " It is a secret, printed only once: without it nobody can open the grants.",
        err=True,
    )


@keys.command()
@with_source
def add(source: Source) -> None:
    """Put a fresh key first in the settings file's key ring, unseen. Then: keys rotate."""
    from ...schemas.spelling import trimmed  # noqa: PLC0415 - see `common`
    from ..settings.file import add_key  # noqa: PLC0415
    from ..settings.reading import CONFIG_VARIABLE, PREFIX  # noqa: PLC0415

    if source.host:
        raise click.UsageError("The host's key ring is its own. Put a new key there: keys new.")
    named = source.config or Path(trimmed(os.environ.get(CONFIG_VARIABLE, "")))
    if not named.name:
        raise click.UsageError(f"Give --config, or set {CONFIG_VARIABLE}: which file?")
    if any(name in os.environ for name in (f"{PREFIX}KEY_RING", f"{PREFIX}KEY_RING_FILE")):
        raise click.UsageError(f"The key ring comes from {PREFIX}KEY_RING…, not from {named}.")
    key = new_key()
    changed = add_key(named, key)
    click.echo(
        f"{key.partition(':')[0]} stands first in {changed}, the older keys behind it.\n"
        "Restart the ERP, then: salesorder-m365 keys rotate"
    )


@keys.command("check")
@with_source
@with_json(_FIELDS)
@click.pass_context
def check_keys_in_use(ctx: click.Context, source: Source, *, as_json: str | None) -> None:
    """Show which keys sealed what, which are unused and which are missing (exit status 1)."""
    from ..vault.rotation import uses  # noqa: PLC0415 - see `common`

    with opened(source) as use_cases:
        found = uses(use_cases.context.engine, use_cases.context.ring)
    if as_json is not None:
        say_json(found, as_json)
    else:
        _say(found)
    ctx.exit(0 if all(use.in_ring for use in found) else FOUND)


def _say(found: list[KeyUse]) -> None:
    width = max(len(use.key_id) for use in found)
    for use in found:
        click.echo(f"{use.key_id or '?':<{width}}  {use.values:>7} values  {_role(use)}")


def _role(use: KeyUse) -> str:
    if not use.key_id:
        return "not readable by any key: these rows were changed or cut off"
    if not use.in_ring:
        return "MISSING from the setting key_ring: what it sealed cannot be opened"
    if use.newest:
        return "newest: seals what is stored from now on"
    return "in use: salesorder-m365 keys rotate" if use.values else "unused: may be taken out"


@keys.command()
@with_source
@click.pass_context
def rotate(ctx: click.Context, source: Source) -> None:
    """Seal everything with the newest key; may be stopped and run again at any time."""
    with opened(source) as use_cases:
        done = _rotated(use_cases)
        newest = use_cases.context.ring.newest
    click.echo(f"{done.resealed} rows sealed with {newest}, {done.remaining} remain.")
    for row in done.unreadable:
        click.echo(row, err=True)
    ctx.exit(FOUND if done.remaining else 0)


def _rotated(use_cases: UseCases) -> Rotated:
    from ..vault import rotation  # noqa: PLC0415 - see `common`

    engine, ring = use_cases.context.engine, use_cases.context.ring
    rows = rotation.remaining(engine, ring)
    # The bar shows itself on a terminal only.
    with click.progressbar(length=rows, label=f"Sealing with {ring.newest}") as bar:
        return rotation.rotate(engine, ring, progress=bar.update)
