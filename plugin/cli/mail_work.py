"""``mail work``, ``mail forget`` and ``mail adopt``: what an administrator runs for the outbox."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from ..errors import M365Error
from ..findings.redact import printable
from .asking import confirmed
from .base import command
from .common import FOUND, opened, with_yes, worker
from .source import with_source

if TYPE_CHECKING:
    from datetime import datetime

    from ...schemas.delivery import Work
    from ..use_cases import UseCases
    from .source import Source

#: Seconds of one account's turn, between two looks for what is due, and after an error.
_TURN, _PAUSE, _REST = 60.0, 1.0, 60.0
#: Accounts that are asked for at once.
_AT_ONCE = 100


@command()
@click.option("--once", is_flag=True, help="Do what is due now, and end.")
@click.option(
    "--seconds", type=click.FloatRange(0, min_open=True), metavar="N", help="End after N seconds."
)
@with_source
@click.pass_context
def work(ctx: click.Context, source: Source, seconds: float | None, *, once: bool) -> None:
    """Deliver the mail that is due, and look for what is uncertain, until Ctrl-C.

    Several may run at once, beside the ERP's jobs too: an account's mail is one process's at a
    time. It may be killed at any moment. Exit status 1 if an account's work failed at the end.
    """
    with opened(source) as use_cases:
        workshop = _Workshop(use_cases)
        if once:
            workshop.do_due()
        else:
            workshop.go_on(seconds)
    if once and not workshop.done:
        click.echo("Nothing was done. salesorder-m365 mail queue shows what waits, and why.")
    ctx.exit(FOUND if workshop.failing else 0)


@dataclass
class _Workshop:
    """Work done account after account."""

    use_cases: UseCases
    done: int = 0
    #: Until when an account's work is left alone after an error, by the monotonic clock.
    failing: dict[tuple[str, str], float] = field(default_factory=dict)

    def go_on(self, seconds: float | None) -> None:
        """Do what is due, again and again."""
        ends = None if seconds is None else time.monotonic() + seconds
        while ends is None or time.monotonic() < ends:
            if not self.do_due(ends):
                left = _PAUSE if ends is None else max(0.0, ends - time.monotonic())
                time.sleep(min(_PAUSE, left))

    def do_due(self, ends: float | None = None) -> int:
        """Do what is due now, each account once; return how many things were done."""
        before = self.done
        for each in self.use_cases.mail.due(_AT_ONCE, worker()):
            left = _TURN if ends is None else min(_TURN, ends - time.monotonic())
            rests = self.failing.get((each.kind, each.account_id), 0.0) > time.monotonic()
            if left > 0 and not rests:
                self._do(each, left)
        return self.done - before

    def _do(self, each: Work, seconds: float) -> None:
        key = (each.kind, each.account_id)
        try:
            count = self.use_cases.mail.run(*key, seconds, worker()).done
        except M365Error as err:
            self.failing[key] = time.monotonic() + _REST
            name = self._name(each.account_id)
            click.echo(f"{name}: {err.finding.as_text()}", err=True)
            return
        self.failing.pop(key, None)
        self.done += count
        if count:
            what = "tried" if each.kind == "deliver" else "found or decided"
            click.echo(f"{self._name(each.account_id)}: {_mails(count)} {what}.")

    def _name(self, account_id: str) -> str:
        try:
            view = self.use_cases.accounts.view(account_id, worker())
        except M365Error:
            return account_id
        return printable(view.values.account_name)


@command()
@click.option(
    "--before",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    metavar="DATE",
    help="Mails that were finished before this day (2026-01-31).",
)
@with_yes
@with_source
def forget(source: Source, before: datetime, *, yes: bool) -> None:
    """Delete the personal data of finished mails: who got what, and the mail server's words.

    Recipients, subject, document and trail are emptied, and bodies that are still kept. The ids,
    the request, the Message-ID and the state stay, so that a repeated request sends nothing twice.
    """
    day = f"{before:%Y-%m-%d}"
    question = f"Delete for good who got what in mails finished before {day}?"
    if not yes and not confirmed(question):
        click.echo("Nothing was changed.")
        return
    with opened(source) as use_cases:
        # A day begins by the computer's clock.
        count = use_cases.forgetting.forget(before.astimezone(), worker())
    click.echo(f"Forgot {_mails(count)} finished before {day}.")


@command()
@click.option("--moved", "how", flag_value="moved", help="It goes on here: what waits is sent.")
@click.option("--copy", "how", flag_value="copy", help="The original goes on: nothing is sent.")
@click.option(
    "--restored", "how", flag_value="restored", help="From a backup: what waits is looked for."
)
@with_source
def adopt(source: Source, how: str | None) -> None:
    """Say what this database is, after it was moved, copied, or restored from a backup.

    Until then nothing is sent of what another database or address of the ERP has queued. After a
    restore run it before any process starts: the backup does not know what was sent since. What
    waited may have left; it is looked for in the mailbox, and a person decides where that shows
    nothing.
    """
    from ..mail.adopting import Adopt  # noqa: PLC0415 - see `common`

    if how is None:
        msg = "Give --moved, --copy or --restored; docs/backup.md says when."
        raise click.UsageError(msg)
    with opened(source) as use_cases:
        done = use_cases.adoption.adopt(Adopt(how), worker())
    click.echo(f"Took over {_mails(done.mails)} of another origin.")
    if how == Adopt.COPY:
        click.echo(f"Cancelled {_mails(done.cancelled)} here; the original goes on with them.")
    if how == Adopt.RESTORED:
        click.echo(f"{_mails(done.uncertain).capitalize()} may have been sent since the backup.")
        click.echo("Next: start the ERP, or salesorder-m365 mail work. Both look for them.")


def _mails(count: int) -> str:
    return f"{count} mail{'s' * (count != 1)}"
