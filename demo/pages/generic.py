"""Generic Mail Accounts: what becomes of each, replacing them, putting them back, lists to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ...schemas.generic import GenericCode, GenericState
from ...schemas.generic_csv import plan_csv
from ...schemas.ids import KIND
from ...schemas.view import AccountState
from .menus import GENERIC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...schemas.generic import GenericOutcome, GenericPlan, GenericPlanned, GenericResult
    from .visit import Visit

#: The boxes of the chosen accounts are named with this before the id.
PICK = "pick "
_TABLES = ("todo", "begun", "done", "stuck")
_TABLES_OF = {
    GenericState.READY: "todo",
    GenericState.CONFLICT: "stuck",
    GenericState.REPLACED: "done",
}
_INTERRUPTED = {
    GenericState.DELETING: "Finishes the deletion that was interrupted.",
    GenericState.RESTORING: "Nothing: putting it back was interrupted. Press Put back.",
}
_FINE = frozenset({GenericCode.REPLACED, GenericCode.RESTORED, GenericCode.SIGN_IN_FIRST})


def show_generic(visit: Visit) -> Response:
    """Draw the tables: to be replaced, on the way, stuck, replaced."""
    plan = _plan(visit)
    left = visit.host.sessions.take(visit.session, "generic") or []
    return visit.page(
        "generic", left=left, tables=_tables(plan), domains=plan.domains, press=_press
    )


def print_generic(visit: Visit) -> Response:
    """Draw the list for paper."""
    return visit.page("generic_print", plan=_plan(visit), now=visit.host.now())


def download_generic(visit: Visit) -> Response:
    """Give the list as CSV, with the mark by which spreadsheets know UTF-8."""
    text = "\ufeff" + plan_csv(_plan(visit))
    name = f"generic-accounts-{visit.host.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def make_new(visit: Visit) -> Response:
    """Make new accounts; where one is there already, ask first, for that may delete at once."""
    picked = set(_picked(visit))
    lines = [line for line in _plan(visit).accounts if line.generic.id in picked]
    if any(_is_there(line) for line in lines):
        return visit.page("generic_replace", lines=lines, press=_press)
    return _run(visit, "replace", force=False)


def replace_generic(visit: Visit) -> Response:
    """Go on with those that were begun: test the new account, and delete if it passes."""
    return _run(visit, "replace", force=False)


def ask_delete_generic(visit: Visit) -> Response:
    """Ask before deleting without a test."""
    return _ask(visit, "generic_delete")


def delete_generic(visit: Visit) -> Response:
    """Delete the Generic accounts at once."""
    return _run(visit, "replace", force=True)


def ask_restore_generic(visit: Visit) -> Response:
    """Ask what shall become of the new accounts."""
    return _ask(visit, "generic_restore")


def restore_generic(visit: Visit) -> Response:
    """Put the Generic accounts back."""
    return _run(visit, "restore", keep_new=visit.form.get("new") != "delete")


def _plan(visit: Visit) -> GenericPlan:
    plan: GenericPlan | None = visit.hook.salesorder_generic_accounts_plan(
        host=visit.host, kind=KIND, worker=visit.worker
    )
    if plan is None:
        raise HTTPException(404)
    return plan


def _tables(plan: GenericPlan) -> dict[str, list[GenericPlanned]]:
    tables: dict[str, list[GenericPlanned]] = {name: [] for name in _TABLES}
    for line in plan.accounts:
        tables[_TABLES_OF.get(line.state, "begun")].append(line)
    return tables


def _is_there(line: GenericPlanned) -> bool:
    """Return whether an account of this mailbox takes the place, which may have passed its test."""
    return any(conflict.code == "mailbox_known" for conflict in line.conflicts)


def _press(line: GenericPlanned) -> str:
    """Return what the press of the table's button does to one Generic account."""
    if line.state is GenericState.READY:
        return _first_press(line)
    if line.state in _INTERRUPTED:
        return _INTERRUPTED[line.state]
    if line.account_state is not AccountState.CONNECTED:
        return "Nothing yet: sign in to the new account first."
    if line.tested:
        return "Deletes this one: the new account passed its test."
    return "Tests the new account, and deletes this one if it passes."


def _first_press(line: GenericPlanned) -> str:
    if not _is_there(line):
        return "Makes the new account. Deletes nothing."
    name = line.suggested.account_name if line.suggested else ""
    return (
        f"Takes “{name}”, which is there. If that passes Test Connection, deletes this one: you are"
        " asked first."
    )


def _picked(visit: Visit) -> list[str]:
    return [name.removeprefix(PICK) for name in visit.form if name.startswith(PICK)]


def _ask(visit: Visit, template: str) -> Response:
    picked = set(_picked(visit))
    lines = [line for line in _plan(visit).accounts if line.generic.id in picked]
    if not lines:
        return _none_chosen(visit)
    return visit.page(template, lines=lines)


def _none_chosen(visit: Visit) -> Response:
    visit.notice("Nothing was chosen. Check the accounts that you mean.", tone="bad")
    return visit.go(GENERIC)


def _run(visit: Visit, what: str, **how: bool) -> Response:
    picked = _picked(visit)
    if not picked:
        return _none_chosen(visit)
    hook = getattr(visit.hook, f"salesorder_generic_accounts_{what}")
    result: GenericResult | None = hook(
        host=visit.host,
        kind=KIND,
        generic_ids=picked,
        worker=visit.worker,
        progress=None,
        **how,
    )
    if result is None:
        raise HTTPException(404)
    visit.keep("generic", [_kept(each) for each in result.outcomes if each.code not in _FINE])
    if told := _told(result.outcomes):
        visit.notice(told)
    return visit.go(GENERIC)


def _kept(outcome: GenericOutcome) -> dict[str, Any]:
    return {"name": outcome.name or outcome.generic_id, "message": outcome.message}


def _told(outcomes: Iterable[GenericOutcome]) -> str:
    """Return what went well, in a sentence for each way of going well."""
    codes = [outcome.code for outcome in outcomes]
    sentences = {
        GenericCode.REPLACED: "replaced: the Generic account is deleted, a sealed copy is kept.",
        GenericCode.SIGN_IN_FIRST: "waiting: sign in to the new account and test it.",
        GenericCode.RESTORED: "put back as before.",
    }
    return " ".join(
        f"{codes.count(code)} {sentence}" for code, sentence in sentences.items() if code in codes
    )
