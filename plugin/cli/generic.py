"""``generic``: the ERP's Generic accounts, listed, replaced and put back.

They are the ERP's own, so these commands need its host object: ``--host erp.mail:host``.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from .asking import confirmed
from .base import group
from .common import FOUND, CommandLine, opened, with_json, with_yes, worker
from .output import say_json
from .source import HOST_VARIABLE, with_source
from .tables import say_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schemas.generic import GenericAccount, GenericOutcome, GenericPlanned, GenericResult
    from ..generic.replacing import Generics
    from .source import Source


@dataclass(frozen=True)
class _ErpByCommand(CommandLine):
    """The ERP's Generic accounts, with the command line's permissions and clock."""

    def generic_accounts(self) -> Sequence[GenericAccount]:
        """List them."""
        listed: Sequence[GenericAccount] = self.erp.generic_accounts()
        return listed

    def export_generic(self, generic_id: str) -> str | None:
        """Return what putting one back needs."""
        exported: str | None = self.erp.export_generic(generic_id)
        return exported

    def delete_generic(self, generic_id: str, settings: str, successor: str) -> bool:
        """Delete one."""
        return bool(self.erp.delete_generic(generic_id, settings, successor))

    def put_back_generic(self, generic_id: str, settings: str) -> None:
        """Put one back."""
        self.erp.put_back_generic(generic_id, settings)


@contextmanager
def _opened(source: Source) -> Iterator[Generics]:
    from ...schemas.host import GenericAccounts  # noqa: PLC0415 - see `common`

    if not source.host:
        msg = "The Generic accounts are the ERP's. Give --host MODULE:NAME, such as erp.mail:host"
        raise click.UsageError(f"{msg}, or set {HOST_VARIABLE}.")
    if not isinstance(source.erp(), GenericAccounts):
        msg = f"--host {source.host} is no host with Generic accounts (hooks.GenericHost)."
        raise click.UsageError(msg)
    with opened(source, host=_ErpByCommand) as use_cases:
        yield use_cases.generics


@group()
def generic() -> None:
    """Replace the ERP's Generic accounts by Microsoft 365 accounts, or put them back."""


@generic.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@with_json("generic:GenericPlan")
@with_source
def plan(source: Source, *, as_json: str | None, as_csv: bool) -> None:
    """List the Generic accounts: who uses them, what takes their place, what stands in the way."""
    from ...schemas.generic_csv import plan_csv  # noqa: PLC0415 - see `common`

    with _opened(source) as generics:
        planned = generics.plan(worker())
    if planned is None or as_json is not None:
        say_json(planned, as_json or "")
    elif as_csv:
        click.echo(plan_csv(planned), nl=False)
    else:
        columns = ("Id", "Generic account", "Sender email", "Used by", "State", "New account", "")
        say_table(columns, map(_row, planned.accounts))
        if not planned.domains:
            click.echo("Set mail_domains to have accounts marked whose domain is not yours.")


def _row(line: GenericPlanned) -> tuple[str, ...]:
    return (
        line.generic.id,
        line.generic.name,
        line.generic.address,
        ", ".join(line.generic.used_by),
        line.state_label,
        line.suggested.account_name if line.suggested else "",
        " ".join(conflict.message for conflict in line.conflicts),
    )


@generic.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--now", is_flag=True, help="Delete the Generic accounts without a passed test.")
@with_yes
@with_source
def replace(ids: tuple[str, ...], source: Source, *, now: bool, yes: bool) -> None:
    """Replace these Generic accounts, or all; run it again until all are replaced.

    Each gets a new account first and is left as it is. It is deleted once the new one is signed
    in and has passed Test Connection. The command may be interrupted at any time.
    """
    question = "Delete them at once? They have no working mail until somebody has signed in."
    if now and not yes and not confirmed(question):
        raise click.Abort
    with _opened(source) as generics:
        result = generics.replace(ids or None, worker(), force=now, progress=_say)
    _sum_up(result)


@generic.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--delete-new", is_flag=True, help="Delete the new accounts that were made for this.")
@with_yes
@with_source
def restore(ids: tuple[str, ...], source: Source, *, delete_new: bool, yes: bool) -> None:
    """Put these Generic accounts back as they were, or all."""
    question = "Delete the new accounts with their sign-ins?"
    if delete_new and not yes and not confirmed(question):
        raise click.Abort
    with _opened(source) as generics:
        result = generics.restore(ids or None, worker(), keep_new=not delete_new, progress=_say)
    _sum_up(result)


def _say(outcome: GenericOutcome) -> None:
    click.echo(f"{outcome.name or outcome.generic_id}: {outcome.message}")


def _sum_up(result: GenericResult | None) -> None:
    outcomes = result.outcomes if result else ()
    counted = Counter(outcome.code.value.replace("_", " ") for outcome in outcomes)
    click.echo(", ".join(f"{count} {code}" for code, count in counted.items()) or "Nothing to do.")
    fine = {"replaced", "restored", "sign in first"}
    click.get_current_context().exit(FOUND if counted.keys() - fine else 0)
