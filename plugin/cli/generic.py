"""``generic``: the ERP's Generic accounts, listed, replaced and put back.

They are the ERP's, so the command is told where its host object is: ``--host erp.mail:host``.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path  # noqa: TC003 - click reads the annotations
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .common import FOUND, CommandLine, read, with_config, with_json, with_yes, worker
from .output import say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...schemas.generic import GenericAccount, GenericOutcome, GenericPlanned, GenericResult
    from ...schemas.settings import Settings
    from ..generic.replacing import Generics

C = TypeVar("C", bound="Callable[..., Any]")

#: Not under the settings' prefix: it is no setting of the plugin's.
HOST_VARIABLE = "SALESORDER_HOST"


def _with_host(command: C) -> C:
    option = click.option(
        "--host",
        "where",
        required=True,
        envvar=HOST_VARIABLE,
        metavar="MODULE:NAME",
        help=f"The ERP's host object, or a function that makes it of the settings; {HOST_VARIABLE}"
        " does the same.",
    )
    return option(with_config(command))


@dataclass(frozen=True)
class _ErpByCommand(CommandLine):
    """The ERP's Generic accounts, with the command line's permissions and clock."""

    erp: Any = None

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
def _opened(where: str, config: Path | None) -> Iterator[Generics]:
    from ..context import Context  # noqa: PLC0415 - see `common`
    from ..store.engines import dispose_engines  # noqa: PLC0415
    from ..use_cases import UseCases  # noqa: PLC0415

    settings = read(config)
    erp = _erp(where, settings)
    context = Context(
        _ErpByCommand(settings, erp=erp),
        send=lambda event: erp.plugins.hook.salesorder_event(host=erp, event=event),
    )
    try:
        yield UseCases(context).generics
    finally:
        dispose_engines()


def _erp(where: str, settings: Settings) -> Any:
    from ..generic.steps import GenericHostLike  # noqa: PLC0415 - see `common`

    module, _, name = where.partition(":")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as err:
        msg = f"--host {where}: {err}. Give the module and the name in it, such as erp.mail:host."
        raise click.UsageError(msg) from err
    erp = found if isinstance(found, GenericHostLike) and not isinstance(found, type) else None
    if erp is None and callable(found):
        try:
            erp = found(settings)
        except Exception as err:  # the ERP's own code: whatever it raises
            msg = f"--host {where}: the ERP could not make its host ({type(err).__name__}: {err})."
            raise click.ClickException(msg) from err
    if not isinstance(erp, GenericHostLike):
        msg = f"--host {where} is no host with Generic accounts (hooks.host.GenericHost)."
        raise click.UsageError(msg)
    return erp


@click.group()
def generic() -> None:
    """Replace the ERP's Generic accounts by Microsoft 365 accounts, or put them back."""


@generic.command()
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, for a spreadsheet.")
@with_json
@_with_host
def plan(where: str, config: Path | None, *, as_json: bool, as_csv: bool) -> None:
    """List the Generic accounts: who uses them, what takes their place, what stands in the way."""
    from ...schemas.generic_csv import plan_csv  # noqa: PLC0415 - see `common`

    with _opened(where, config) as generics:
        planned = generics.plan(worker())
    if planned is None or as_json:
        say_json(planned)
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
@_with_host
def replace(ids: tuple[str, ...], where: str, config: Path | None, *, now: bool, yes: bool) -> None:
    """Replace these Generic accounts, or all; run it again until all are replaced.

    Each gets a new account first and goes on working. It is deleted once the new one is signed in
    and its Test Connection passed. The command may be broken off at any time.
    """
    question = "Delete them at once? They have no working mail until somebody has signed in."
    if now and not yes:
        click.confirm(question, abort=True)
    with _opened(where, config) as generics:
        result = generics.replace(ids or None, worker(), force=now, progress=_say)
    _sum_up(result)


@generic.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--delete-new", is_flag=True, help="Delete the new accounts that were made for this.")
@with_yes
@_with_host
def restore(
    ids: tuple[str, ...], where: str, config: Path | None, *, delete_new: bool, yes: bool
) -> None:
    """Put these Generic accounts back as they were, or all."""
    if delete_new and not yes:
        click.confirm("Delete the new accounts with their sign-ins?", abort=True)
    with _opened(where, config) as generics:
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
