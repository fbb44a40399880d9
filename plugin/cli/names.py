"""Names that a shell completes: accounts, roles, folders, events, mails.

Whatever fails completes nothing. Folders come from the mail server, with a short deadline:
somebody waits at the prompt.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from .common import find_account, opened, worker
from .event_words import WORDS
from .source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...schemas.settings import Settings

C = TypeVar("C", bound="Callable[..., Any]")

ROLES = ("inbox", "sent", "drafts", "junk", "trash", "archive")
_SECONDS = 3.0
#: Mails that are offered.
_MAILS = 50


def with_account(command: C) -> C:
    """Give a command the argument ``ACCOUNT``, which the shell completes."""
    return click.argument("account", metavar="ACCOUNT", shell_complete=accounts)(command)


def accounts(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Return the accounts whose name, address or id begins with what was typed."""
    try:
        return list(_accounts(ctx, typed.casefold()))
    except Exception:  # noqa: BLE001 - a shell's prompt is no place for errors
        return []


def _accounts(ctx: click.Context, typed: str) -> Iterator[CompletionItem[str]]:
    with opened(_source(ctx)) as use_cases:
        views = use_cases.accounts.list(worker())
    for view in views:
        if view.values.account_name.casefold().startswith(typed):
            yield CompletionItem(view.values.account_name, help=view.mailbox)
        elif typed and view.mailbox.casefold().startswith(typed):
            yield CompletionItem(view.mailbox, help=view.values.account_name)
        elif typed and view.id.startswith(typed):
            yield CompletionItem(view.id, help=view.values.account_name)


def mappings(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Return ROLE= for a beginning of a role, and ROLE=FOLDER behind one."""
    role, equals, folder = typed.partition("=")
    if not equals:
        given = {each.partition("=")[0] for each in ctx.params.get("mapping") or ()}
        return [CompletionItem(f"{r}=") for r in ROLES if r.startswith(role) and r not in given]
    logging.disable()  # a log line on the prompt
    try:
        labels = _folders(ctx)
    except Exception:  # noqa: BLE001 - a shell's prompt is no place for errors
        return []
    return [
        CompletionItem(f"{role}={label}")
        for label in labels
        if label.casefold().startswith(folder.casefold())
    ]


def _folders(ctx: click.Context) -> list[str]:
    source = _Hasty(ctx.params.get("config"), ctx.params.get("host"))
    with opened(source) as use_cases:
        account = find_account(use_cases, ctx.params["account"])
        choices = use_cases.folders.choices(account.id, worker())
    return [folder.full_label for folder in choices.folders]


class _Hasty(Source):
    """Settings with short times."""

    def settings(self) -> Settings:
        found = super().settings()
        return replace(
            found,
            http_timeout=min(found.http_timeout, _SECONDS),
            mail_timeout=min(found.mail_timeout, _SECONDS),
        )


def event_names(_: click.Context, __: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Return the names of events."""
    return [CompletionItem(n, help=text) for n, text in WORDS.items() if n.startswith(typed)]


def deliveries(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Return the newest mails by their ids, and their documents."""
    try:
        with opened(_source(ctx)) as use_cases:
            found = use_cases.mail.deliveries(None, None, None, worker(), _MAILS, None)
    except Exception:  # noqa: BLE001 - a shell's prompt is no place for errors
        return []
    named = {mail.id: f"{mail.state}: {mail.subject}" for mail in found}
    if ctx.command.name == "trace":
        named |= {mail.document: mail.subject for mail in found if mail.document}
    return [CompletionItem(n, help=text) for n, text in named.items() if n.startswith(typed)]


def decisions(ctx: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """Return the decisions that the mail's state allows now."""
    try:
        with opened(_source(ctx)) as use_cases:
            allowed = use_cases.mail.delivery(ctx.params["id_"], worker()).decisions
    except Exception:  # noqa: BLE001 - likewise
        return []
    return [CompletionItem(str(each)) for each in allowed if each.startswith(typed)]


def _source(ctx: click.Context) -> Source:
    given: dict[str, Any] = ctx.params
    return Source(given.get("config"), given.get("host"))
