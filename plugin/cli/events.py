"""``events``: what happened, newest first, as an audit needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import names
from .base import command
from .common import find_account, opened, with_json, worker
from .event_words import words
from .output import moment, say_json
from .source import with_source
from .tables import say_table

if TYPE_CHECKING:
    from ...schemas.event import Event
    from .source import Source


@command()
@click.option(
    "--account",
    shell_complete=names.accounts,
    help="Only events of this account; the id (m365:…) of a deleted one too.",
)
@click.option(
    "--name",
    shell_complete=names.event_names,
    help="Only events of this name, such as authn_login_fail.",
)
@click.option(
    "--last", type=click.IntRange(1), default=50, metavar="N", help="At most N events (50)."
)
@with_json("event:Event")
@with_source
def events(
    source: Source, account: str | None, name: str | None, last: int, *, as_json: str | None
) -> None:
    """Show what happened to the accounts and who did it, newest first."""
    from ...schemas.ids import is_ours  # noqa: PLC0415 - see `common`
    from ..store.engines import reading  # noqa: PLC0415
    from ..store.events import recent_events  # noqa: PLC0415

    with opened(source) as service:
        if account is not None and not is_ours(account):
            account = find_account(service, account).id
        with reading(service.context.engine) as connection:
            found = recent_events(connection, last, account_id=account, name=name)[::-1]
        called = {view.id: view.values.account_name for view in service.accounts.list(worker())}
    if as_json is not None:
        say_json(found, as_json)
    elif found:
        say_table(
            ("When", "Event", "Account", "By", "Details"), (_row(each, called) for each in found)
        )
    else:
        click.echo("No events.")


def _row(event: Event, called: dict[str, str]) -> tuple[str, ...]:
    # A deleted account is only known by its id.
    account = called.get(event.account_id or "", event.account_id or "")
    details = ", ".join(f"{name}: {text}" for name, text in event.details.items())
    return (moment(event.at), words(event), account, event.worker, details)
