"""``accounts``: list, show, add, disconnect, delete. Testing and signing in have modules of theirs.

All of it acts on the settings' database, beside a running ERP too.
"""

from __future__ import annotations

import secrets
import shlex
from typing import TYPE_CHECKING

import click

from .asking import Asked, confirmed
from .base import group
from .common import (
    NOT_BEGUN,
    find_account,
    opened,
    with_json,
    with_yes,
    worker,
)
from .connection import test
from .event_words import words
from .login import login
from .names import with_account
from .output import moment, say_fields, say_findings, say_json
from .source import with_source
from .tables import say_table
from .token import token

if TYPE_CHECKING:
    from ...schemas.account import FormErrors
    from ...schemas.view import AccountView
    from .source import Source


@group()
def accounts() -> None:
    """See, test and mend the mail accounts.

    ACCOUNT is an account's name, its id (m365:…), or an address that no other account has.
    """


accounts.add_command(test)
accounts.add_command(login)
accounts.add_command(token)


@accounts.command("list")
@with_source
@with_json("view:AccountView")
def list_(source: Source, *, as_json: str | None) -> None:
    """List the accounts with their state and last test."""
    with opened(source) as service:
        views = service.accounts.list(worker())
    if as_json is not None:
        say_json(views, as_json)
    elif views:
        say_table(
            ("Account", "Mailbox", "State", "Signed in as", "Last test", "Folders"),
            map(_row, views),
        )
    else:
        click.echo("There are no accounts yet. Add one: salesorder-m365 accounts add")


def _row(view: AccountView) -> tuple[str, ...]:
    return (
        view.values.account_name,
        view.mailbox,
        view.state_label,
        view.signed_in_as or "",
        _last_test(view),
        str(len(view.folders) or ""),
    )


def _last_test(view: AccountView) -> str:
    if view.report is None:
        return "none"
    if view.report.passed:
        return "passed"
    return ", ".join(found.code for found in view.report.findings)


@accounts.command()
@with_account
@with_source
@with_json("view:AccountView")
def show(account: str, source: Source, *, as_json: str | None) -> None:
    """Show one account: state, folders, what its last test found, and what happened to it."""
    with opened(source) as service:
        view = find_account(service, account)
    if as_json is not None:
        say_json(view, as_json)
    else:
        _show(view)


def _show(view: AccountView) -> None:
    tested = f"{_last_test(view)}, {moment(view.report.started_at)}" if view.report else "none"
    say_fields(
        {
            "Account": view.values.account_name,
            "Id": view.id,
            "Sender": f"{view.values.sender_name} <{view.values.sender_email}>",
            "Username": view.values.username,
            "State": view.state_label,
            "Signed in as": view.signed_in_as or "",
            "Signed in at": moment(view.signed_in_at),
            "Last test": tested,
            **{f"Folder {each.role.value}": each.full_label for each in view.folders},
        }
    )
    if view.events:
        click.echo()
        say_table(
            ("When", "Event", "By"), ((moment(e.at), words(e), e.worker) for e in view.events)
        )
    say_findings([view.finding] if view.finding else [])
    say_findings(view.report.findings if view.report else ())


@accounts.command()
@click.option("--name", cls=Asked, prompt="Account name", help="A memorable name.")
@click.option("--sender-name", cls=Asked, prompt="Sender name", help="Person sending (worker).")
@click.option("--sender-email", cls=Asked, prompt="Sender email", help="The mailbox's address.")
@click.option(
    "--username",
    default="",
    help="Who signs in at Microsoft, if that is not the sender: shared mailboxes.",
)
@with_source
def add(source: Source, name: str, sender_name: str, sender_email: str, username: str) -> None:
    """Add an account; what is not given is asked for. Then: accounts login --device."""
    from ...schemas.account import FormErrors  # noqa: PLC0415 - marshmallow is not for --help

    values = {
        "account_name": name,
        "sender_name": sender_name,
        "sender_email": sender_email,
        "username": username,
        "use_oauth": True,
    }
    with opened(source, needs_database=False) as service:
        saved = service.accounts.save(None, values, worker(), secrets.token_hex(16))
    if isinstance(saved, FormErrors):
        _refuse(saved)
        return
    click.echo(f"Added {saved.values.account_name} ({saved.id}).")
    name = shlex.quote(saved.values.account_name)
    click.echo(f"Next: salesorder-m365 accounts login {name} --device")


def _refuse(wrong: FormErrors) -> None:
    for field, texts in wrong.errors.items():
        label = field.replace("_", " ").removeprefix("account ")
        click.echo(f"{label.capitalize()}: {' '.join(texts)}", err=True)
    click.get_current_context().exit(NOT_BEGUN)


@accounts.command()
@with_account
@with_yes
@with_source
def disconnect(account: str, source: Source, *, yes: bool) -> None:
    """Take an account's sign-in away: what Microsoft gave for it is deleted here."""
    with opened(source) as service:
        view = find_account(service, account)
        name = view.values.account_name
        if yes or confirmed(f"Disconnect {name}? The ERP cannot use it until it signs in."):
            service.accounts.disconnect(view.id, worker())
            click.echo(f"Disconnected {name}.")
        else:
            click.echo("Nothing was changed.")


@accounts.command()
@with_account
@with_yes
@with_source
def delete(account: str, source: Source, *, yes: bool) -> None:
    """Delete an account with its sign-in and its folder mapping; its mail stays at Microsoft."""
    with opened(source) as service:
        view = find_account(service, account)
        name = view.values.account_name
        if yes or confirmed(f"Delete {name} ({view.mailbox})?"):
            service.accounts.delete(view.id, worker())
            click.echo(f"Deleted {name}.")
        else:
            click.echo("Nothing was changed.")
