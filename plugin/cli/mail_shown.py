"""``mail queue`` and ``mail trace``: what waits and why, and the story of one mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ...schemas.delivery import DeliveryState
from ...schemas.ids import is_ours
from . import names
from .base import command
from .common import FOUND, find_account, opened, with_json, worker
from .output import moment, say_fields, say_findings, say_json
from .source import with_source
from .tables import say_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schemas.delivery import Delivery, DeliveryRecipient
    from ...schemas.view import AccountView
    from ..use_cases import UseCases
    from .source import Source

_OPEN = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNCERTAIN)
_STATES = {
    "queued": "waits",
    "sending": "on its way",
    "sent": "sent",
    "uncertain": "uncertain: handed over, no reply",
    "failed": "not sent",
    "cancelled": "taken back",
}
_REASONS = {
    "scheduled": "for its time",
    "rate": "for Microsoft's limits",
    "connections": "for a free connection",
    "retry": "for the next attempt",
    "paused": "for the account, which is paused",
}
#: Mails of one page of `Mail.deliveries`.
_PAGE = 200


@command()
@click.argument("account", metavar="[ACCOUNT]", required=False, shell_complete=names.accounts)
@click.option(
    "--state",
    type=click.Choice([str(each) for each in DeliveryState]),
    help="Mails in this state; without, all that are not settled yet.",
)
@click.option(
    "--last", type=click.IntRange(1), default=50, metavar="N", help="At most N mails (50)."
)
@with_source
@with_json("delivery:Delivery")
def queue(
    account: str | None, source: Source, state: str | None, last: int, *, as_json: str | None
) -> None:
    """List the mail that is not settled yet, newest first: its state, why, and until when.

    An account may be given by the id (m365:…) of a deleted one too.
    """
    with opened(source) as use_cases:
        if account is not None and not is_ours(account):
            account = find_account(use_cases, account).id
        states = _OPEN if state is None else (DeliveryState(state),)
        found = [each for one in states for each in _listed(use_cases, account, one, last)]
        views = {view.id: view for view in use_cases.accounts.list(worker())}
    found = sorted(found, key=lambda each: each.queued_at, reverse=True)[:last]
    if as_json is not None:
        say_json(found, as_json)
    elif found:
        columns = ("Id", "Queued", "Account", "To", "Subject", "State", "Until", "Why")
        say_table(columns, (_row(each, views) for each in found))
        _say_pauses(found, views)
    else:
        click.echo("No mail waits." if state is None else f"No mail is {state}.")


def _listed(
    use_cases: UseCases, account: str | None, state: DeliveryState, most: int
) -> Iterator[Delivery]:
    """Yield the newest mails in one state, page by page."""
    before: str | None = None
    while most > 0:
        page = use_cases.mail.deliveries(account, state, None, worker(), min(most, _PAGE), before)
        yield from page
        if len(page) < _PAGE:
            return
        most, before = most - len(page), page[-1].id


def _row(mail: Delivery, views: dict[str, AccountView]) -> tuple[str, ...]:
    view = views.get(mail.account_id)
    return (
        mail.id,
        moment(mail.queued_at),
        view.values.account_name if view else mail.account_id,
        _to(mail),
        mail.subject,
        state_words(mail),
        moment(mail.not_before),
        mail.server_words or (mail.finding.title if mail.finding else ""),
    )


def _to(mail: Delivery) -> str:
    first = next((each.address for each in mail.recipients), "")
    more = len(mail.recipients) - 1
    return f"{first} and {more} more" if more > 0 else first


def _say_pauses(mails: list[Delivery], views: dict[str, AccountView]) -> None:
    """Show each pause once, with its remedy, however many mails it holds."""
    paused = {mail.account_id for mail in mails if mail.reason == "paused"}
    for account in sorted(paused):
        view = views.get(account)
        if view is not None and view.paused is not None:
            click.echo(f"\n{view.values.account_name} is paused.", nl=False)
            say_findings([view.paused])


def state_words(mail: Delivery) -> str:
    """Return a mail's state as a person reads it, with what it waits for."""
    waits = _REASONS.get(mail.reason, "")
    return f"{_STATES[mail.state]} {waits}".rstrip()


@command()
@click.argument("wanted", metavar="ID|DOCUMENT", shell_complete=names.deliveries)
@with_source
@with_json("delivery:Delivery")
@click.pass_context
def trace(ctx: click.Context, wanted: str, source: Source, *, as_json: str | None) -> None:
    """Tell the story of a mail, or of all mails of a document, newest first.

    From the ERP's document to the mail server's words: each step with its time, what is wrong,
    what helps, and who acts. With --json it is a list.
    """
    with opened(source) as use_cases:
        found = _stories(use_cases, wanted)
    if as_json is not None:
        say_json(found, as_json)
    for number, mail in enumerate(found if as_json is None else ()):
        click.echo("\n" * (number > 0), nl=False)
        say_story(mail)
    if not found:
        click.echo(
            f"There is no mail of {wanted}. salesorder-m365 mail queue lists what waits.", err=True
        )
        ctx.exit(FOUND)


def _stories(use_cases: UseCases, wanted: str) -> list[Delivery]:
    if is_ours(wanted):
        return [use_cases.mail.delivery(wanted, worker())]
    listed = use_cases.mail.deliveries(None, None, wanted, worker(), _PAGE, None)
    return [use_cases.mail.delivery(mail.id, worker()) for mail in listed]


def say_story(mail: Delivery) -> None:
    """Print all that is known of a mail."""
    say_delivery(mail)
    if mail.trail:
        click.echo()
        say_table(("When", "What"), ((moment(step.at), step.text) for step in mail.trail))
    say_findings([mail.finding] if mail.finding else ())
    click.echo(f"\n{next_step(mail)}")


def say_delivery(mail: Delivery) -> None:
    """Print what a mail is, and how it stands."""
    evidence = ", ".join(f"{name} {text}" for name, text in mail.evidence.items())
    say_fields(
        {
            "Document": mail.document,
            "Subject": mail.subject,
            "From": mail.sender,
            **{
                f"{each.kind.capitalize()} {number}": _recipient(each)
                for number, each in enumerate(mail.recipients, 1)
            },
            "State": state_words(mail),
            "Until": moment(mail.not_before),
            "Evidence": evidence,
            "The server said": mail.server_words,
            "Queued": moment(mail.queued_at),
            "Finished": moment(mail.finished_at),
            "Attempts": str(mail.attempts or ""),
            "Id": mail.id,
            "Message-ID": mail.message_id,
        }
    )


def _recipient(each: DeliveryRecipient) -> str:
    shown = f"{each.name} <{each.address}>" if each.name else each.address
    return f"{shown}: {each.state} {each.server_words}".rstrip()


def next_step(mail: Delivery) -> str:
    """Return what can be done about a mail now."""
    if mail.state is DeliveryState.SENT:
        return "The mail server took it; nothing is left to do."
    if not mail.decisions:
        return f"See: salesorder-m365 mail trace {mail.id}"
    choices = "|".join(mail.decisions)
    return f"To decide about it: salesorder-m365 mail decide {mail.id} {choices}"
