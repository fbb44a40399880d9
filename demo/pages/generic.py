"""Generic accounts: what would become of each, replacing them, putting them back, lists to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

from ...schemas.generic import GenericCode, GenericState
from ...schemas.generic_csv import plan_csv
from ...schemas.ids import KIND
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
_FINE = frozenset({GenericCode.REPLACED, GenericCode.RESTORED, GenericCode.SIGN_IN_FIRST})


def show_generic(visit: Visit) -> Response:
    """Draw the tables: to be replaced, on the way, stuck, replaced."""
    plan = _plan(visit)
    left = visit.host.sessions.take(visit.session, "generic") or []
    return visit.page("generic", left=left, tables=_tables(plan), domains=plan.domains)


def print_generic(visit: Visit) -> Response:
    """Draw the list for paper."""
    return visit.page("generic_print", plan=_plan(visit), now=visit.host.now())


def download_generic(visit: Visit) -> Response:
    """Give the list as CSV, with the mark by which spreadsheets know UTF-8."""
    text = "\ufeff" + plan_csv(_plan(visit))
    name = f"generic-accounts-{visit.host.now():%Y-%m-%d}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def replace_generic(visit: Visit) -> Response:
    """Make new accounts, or delete the Generic ones whose new account passed its test."""
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
