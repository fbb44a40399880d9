"""``events``: what happened, newest last, as an audit asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .common import find_account, opened, with_json
from .output import moment, say_json, say_table
from .source import with_source

if TYPE_CHECKING:
    from ...schemas.event import Event
    from .source import Source


@click.command()
@click.option("--account", help="Those of one account; an id (m365:…) of a deleted one too.")
@click.option("--name", help="Those of one name, such as authn_login_fail.")
@click.option(
    "--last", type=click.IntRange(1), default=50, metavar="N", help="So many at most (50)."
)
@with_json
@with_source
def events(
    source: Source, account: str | None, name: str | None, last: int, *, as_json: bool
) -> None:
    """Tell what happened to the accounts, and who did it."""
    from ...schemas.ids import is_ours  # noqa: PLC0415 - see `common`
    from ..store.engines import reading  # noqa: PLC0415
    from ..store.events import recent_events  # noqa: PLC0415

    with opened(source) as service:
        if account is not None and not is_ours(account):
            account = find_account(service, account).id
        with reading(service.context.engine) as connection:
            found = recent_events(connection, last, account_id=account, name=name)
    if as_json:
        say_json(found)
    elif found:
        say_table(("When", "Event", "Account", "By", "Details"), map(_row, found))
    else:
        click.echo("No events.")


def _row(event: Event) -> tuple[str, ...]:
    details = ", ".join(f"{name}: {text}" for name, text in event.details.items())
    return (moment(event.at), event.name, event.account_id or "", event.worker, details)
