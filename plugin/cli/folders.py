"""``folders``: Default Folder Mappings from the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..findings.redact import printable
from .base import group
from .common import FOUND, NOT_BEGUN, find_account, opened, with_json
from .common import worker as who
from .names import ROLES, mappings, with_account
from .output import say_json
from .source import with_source
from .tables import say_table

if TYPE_CHECKING:
    from ...schemas.account import FormErrors
    from ...schemas.folders import FolderChoices, RoleChoice
    from .source import Source


@group()
def folders() -> None:
    """See and set which folder is the Inbox, Sent, Drafts, Junk, Deleted, Archive."""


@folders.command()
@with_account
@with_source
@with_json("folders:FolderChoices")
@click.pass_context
def show(ctx: click.Context, account: str, source: Source, *, as_json: str | None) -> None:
    """Show an account's folders and their mapping; exit status 1 if it needs a repair."""
    with opened(source) as service:
        choices = service.folders.choices(find_account(service, account).id, who())
    if as_json is not None:
        say_json(choices, as_json)
    else:
        _show(choices)
    ctx.exit(FOUND if any(role.problem for role in choices.roles) else 0)


def _show(choices: FolderChoices) -> None:
    labels = {folder.path: folder.full_label for folder in choices.folders}
    say_table(("Role", "Mapped to", "Suggested"), (_row(role, labels) for role in choices.roles))
    for text in (*(role.problem_text for role in choices.roles), choices.hint):
        if text:
            click.echo(text)
    click.echo(f"\n{len(choices.folders)} folders:")
    for folder in choices.folders:
        click.echo(f"  {'  ' * folder.depth}{printable(folder.label)}")


def _row(role: RoleChoice, labels: dict[str, str]) -> tuple[str, str, str]:
    mapped, suggested = role.mapped or "", role.suggested or ""
    problem = f" ({role.problem})" if role.problem else ""
    return (
        role.role.value,
        labels.get(mapped, mapped) + problem,
        labels.get(suggested, suggested),
    )


@folders.command("map")
@with_account
@click.argument("mapping", metavar="[ROLE=FOLDER]...", nargs=-1, shell_complete=mappings)
@click.option("--suggested", is_flag=True, help="Use the suggestion where nothing else is given.")
@with_source
@click.pass_context
def map_(
    ctx: click.Context,
    account: str,
    mapping: tuple[str, ...],
    source: Source,
    *,
    suggested: bool,
) -> None:
    """Map folders: inbox=INBOX "sent=Sent Items". An empty FOLDER unmaps.

    Roles are inbox, sent, drafts, junk, trash, archive; the others stay as they are.
    FOLDER is a folder as `folders show` names it, levels separated by " / ".
    """
    from ...schemas.account import FormErrors  # noqa: PLC0415 - marshmallow is not for --help

    if not mapping and not suggested:
        raise click.UsageError("Give ROLE=FOLDER, or --suggested.")
    wanted = _parsed(mapping)
    with opened(source) as service:
        account_id = find_account(service, account).id
        choices = service.folders.choices(account_id, who())
        chosen = _chosen(choices, wanted, suggested=suggested)
        saved = service.folders.map(account_id, chosen, who())
        if isinstance(saved, FormErrors):
            _refuse(saved)
            ctx.exit(NOT_BEGUN)
        choices = service.folders.choices(account_id, who())
    labels = {folder.path: folder.full_label for folder in choices.folders}
    say_table(("Role", "Mapped to"), (_row(role, labels)[:2] for role in choices.roles))


def _parsed(mapping: tuple[str, ...]) -> dict[str, str]:
    parsed = {}
    for pair in mapping:
        role, equals, folder = pair.partition("=")
        if not equals or role not in ROLES:
            raise click.UsageError(f"{pair} is not ROLE=FOLDER. Roles are {', '.join(ROLES)}.")
        parsed[role] = folder
    return parsed


def _chosen(
    choices: FolderChoices, wanted: dict[str, str], *, suggested: bool
) -> dict[str, str | None]:
    """Return the whole mapping: what is wanted, else what is mapped, else what is suggested."""
    paths = {folder.full_label: folder.path for folder in choices.folders}
    chosen = {}
    for role in choices.roles:
        found = role.mapped
        if suggested and (found is None or role.problem):
            found = role.suggested
        said = wanted.get(role.role.value)
        chosen[role.role.value] = found if said is None else paths.get(said, said)
    return chosen


def _refuse(wrong: FormErrors) -> None:
    for role, texts in wrong.errors.items():
        click.echo(f"{role}: {' '.join(texts)}", err=True)
