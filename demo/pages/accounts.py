"""Mail accounts: the list with its Actions, the form, and the account's page with its buttons."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ...plugin.errors import NoSuchAccountError
from ...schemas.account import FormErrors
from ...schemas.view import AccountState
from .checklist import is_old, steps
from .menus import ACCOUNTS, account_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from ...schemas.kinds import AccountKind
    from ...schemas.view import AccountView
    from .visit import Visit

#: How long an account's page looks whether a sign-in in another window has ended.
POLLED_SECONDS = 600
#: What an account's form sends back beside its fields.
ASIDE = ("version", "confirmed")


def login_note(account_id: str) -> str:
    """Return the name under which a session keeps when a sign-in of this account began."""
    return f"login {account_id}"


def kinds(visit: Visit) -> list[AccountKind]:
    """Return every plugin's kinds of mail account."""
    return [kind for answer in visit.hook.salesorder_account_kinds() for kind in answer]


def view_of(visit: Visit) -> AccountView:
    """Return the account in the page's address. Raises as ``salesorder_account_view`` does."""
    view: AccountView | None = visit.hook.salesorder_account_view(
        host=visit.host, account_id=visit.account_id, worker=visit.worker
    )
    if view is None:
        raise NoSuchAccountError(visit.account_id)
    return view


def show_list(visit: Visit) -> Response:
    """Draw the list of accounts."""
    answers = visit.hook.salesorder_account_list(host=visit.host, worker=visit.worker)
    views = [view for answer in answers for view in answer]
    generic = visit.host.generics.count()
    return visit.page("accounts", views=views, kinds=kinds(visit), generic=generic)


def show_new(visit: Visit) -> Response:
    """Draw an empty form, or what was typed when the session ended."""
    kind = _kind(visit, visit.request.path_params["kind"])
    typed = visit.typed()
    empty = {field.name: field.default for field in kind.fields}
    return _draw_new(visit, kind, typed or empty, stale=bool(typed))


def create_again(visit: Visit) -> Response:
    """Draw the form of a page that was too old, with what was typed in it."""
    kind = _kind(visit, visit.request.path_params["kind"])
    return _draw_new(visit, kind, _values(visit, kind), stale=True)


def create(visit: Visit) -> Response:
    """Make an account of the posted form, or show what is wrong with it."""
    kind = _kind(visit, visit.request.path_params["kind"])
    saved = _save(visit, kind, None)
    if isinstance(saved, FormErrors):
        return _draw_new(visit, kind, saved.values, saved)
    visit.notice("Saved. Now press Login to sign in with Microsoft.")
    return visit.go(account_path(saved.id))


def show(visit: Visit) -> Response:
    """Draw the account's page, with what was typed when the session ended."""
    return _draw_account(visit, view_of(visit), typed=visit.typed())


def change_again(visit: Visit) -> Response:
    """Draw the account's page again, with what was typed in one that was too old."""
    view = view_of(visit)
    return _draw_account(visit, view, typed=_values(visit, _kind(visit, view.kind)))


def change(visit: Visit) -> Response:
    """Save the posted form, or show what is wrong with it."""
    before = view_of(visit)
    saved = _save(visit, _kind(visit, before.kind), before.id)
    if isinstance(saved, FormErrors):
        return _draw_account(visit, before, saved)
    left = before.state is AccountState.CONNECTED and saved.state is AccountState.DRAFT
    again = " The Username has changed: press Login to sign in as the new one." if left else ""
    visit.notice(f"Saved.{again}")
    return visit.go(account_path(saved.id))


def show_state(visit: Visit) -> Response:
    """Answer the script that waits for a sign-in in another window."""
    return JSONResponse({"state": view_of(visit).state})


def disconnect(visit: Visit) -> Response:
    """Forget the account's grant."""
    visit.hook.salesorder_disconnect(
        host=visit.host, account_id=visit.account_id, worker=visit.worker
    )
    visit.notice("Disconnected. The ERP keeps no access to this mailbox until you press Login.")
    return visit.go(account_path(visit.account_id))


def ask_delete(visit: Visit) -> Response:
    """Ask before deleting."""
    return visit.page("delete", view=view_of(visit))


def delete(visit: Visit) -> Response:
    """Delete the account."""
    name = visit.form.get("name", "")
    deleted = visit.hook.salesorder_account_delete(
        host=visit.host, account_id=visit.account_id, worker=visit.worker
    )
    if deleted is None:
        raise NoSuchAccountError(visit.account_id)
    visit.notice(f"{name or 'The account'} is deleted.")
    return visit.go(ACCOUNTS)


def _kind(visit: Visit, name: str) -> AccountKind:
    for kind in kinds(visit):
        if kind.kind == name:
            return kind
    raise HTTPException(404)


def _save(visit: Visit, kind: AccountKind, account_id: str | None) -> AccountView | FormErrors:
    saved: AccountView | FormErrors | None = visit.hook.salesorder_account_save(
        host=visit.host,
        kind=kind.kind,
        account_id=account_id,
        values=_values(visit, kind),
        worker=visit.worker,
        request_id=visit.form.get("request_id") or secrets.token_urlsafe(16),
    )
    if saved is None:
        raise HTTPException(404)
    return saved


def _values(visit: Visit, kind: AccountKind) -> dict[str, Any]:
    """Return what was typed into the form; browsers leave an unchecked box out."""
    typed = {
        field.name: visit.form.get(field.name, False if field.widget == "checkbox" else "")
        for field in kind.fields
    }
    return typed | {name: visit.form[name] for name in ASIDE if name in visit.form}


def _status(visit: Visit, wrong: FormErrors | None) -> int:
    """Return the status of a form that is drawn: a POST that only draws it was refused."""
    if wrong:
        return 422
    return 403 if visit.request.method == "POST" else 200


def _draw_new(
    visit: Visit,
    kind: AccountKind,
    values: Any,
    wrong: FormErrors | None = None,
    *,
    stale: bool = False,
) -> Response:
    return visit.page(
        "new",
        _status(visit, wrong),
        stale=stale,
        kind=kind,
        values=values,
        errors=wrong.errors if wrong else {},
        # Kept when the form comes back: the same submission must not make two accounts.
        request_id=visit.form.get("request_id") or secrets.token_urlsafe(16),
    )


def _draw_account(
    visit: Visit,
    view: AccountView,
    wrong: FormErrors | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Response:
    kind = _kind(visit, view.kind)
    started = visit.host.sessions.get(visit.session, login_note(view.id)) or 0
    waiting = view.state is not AccountState.CONNECTED and time.time() - started < POLLED_SECONDS
    way = steps(view, visit.host.generic_accounts())
    stored = {field.name: getattr(view.values, field.name) for field in kind.fields}
    return visit.page(
        "account",
        _status(visit, wrong),
        kind=kind,
        view=view,
        values=wrong.values if wrong else typed or stored,
        stale=bool(typed),
        errors=wrong.errors if wrong else {},
        request_id=secrets.token_urlsafe(16),
        reasons=_reasons(view),
        can={button.name: button.enabled for button in view.buttons},
        steps=way,
        next=next((step.name for step in way if step.next), ""),
        old=is_old(view),
        waiting=waiting,
    )


def _reasons(view: AccountView) -> dict[str, list[str]]:
    """Return why buttons are dead: the reason, and the labels of all that it holds for."""
    reasons: dict[str, list[str]] = {}
    for button in view.buttons:
        if not button.enabled:
            reasons.setdefault(button.reason, []).append(button.label)
    return reasons
