"""The ERP's own Generic Mail Accounts, one by one: Edit and a plain Delete. No hook is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from ...plugin.errors import NotAllowedError
from ...schemas.permission import Permission
from .menus import GENERIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from ...schemas.generic import GenericAccount
    from .visit import Visit

#: The fields of the form, and their labels. The password stays as it is.
FIELDS = {
    "name": "Account name",
    "sender_name": "Sender name",
    "address": "Sender email",
    "username": "Username",
}
_LONGEST = 200


def show_edit(visit: Visit) -> Response:
    """Draw the form."""
    account = _account(visit)
    return _draw(visit, account, {name: getattr(account, name) for name in FIELDS})


def edit(visit: Visit) -> Response:
    """Save the posted form."""
    account = _account(visit)
    values = {name: visit.form.get(name, "").strip() for name in FIELDS}
    if wrong := _wrong(values):
        return _draw(visit, account, values, wrong)
    visit.host.generics.change(account.id, values)
    visit.notice(f"{values['name']} is saved.")
    return visit.go(GENERIC)


def ask_delete(visit: Visit) -> Response:
    """Ask before deleting."""
    return visit.page("generic_account_delete", account=_account(visit))


def delete(visit: Visit) -> Response:
    """Delete the account; what used it has none from then on."""
    account = _account(visit)
    visit.host.generics.remove(account.id)
    visit.notice(f"{account.name or 'The Generic account'} is deleted.")
    return visit.go(GENERIC)


def _account(visit: Visit) -> GenericAccount:
    if not visit.host.allows(visit.worker, Permission.REPLACE, None):
        raise NotAllowedError(visit.worker, Permission.REPLACE, None)
    wanted = visit.request.path_params["generic_id"]
    for account in visit.host.generic_accounts():
        if account.id == wanted:
            return account
    raise HTTPException(404)


def _wrong(values: Mapping[str, str]) -> dict[str, str]:
    wrong = {name: "This is too long." for name, value in values.items() if len(value) > _LONGEST}
    if not values["name"]:
        wrong["name"] = "Enter a name."
    return wrong


def _draw(
    visit: Visit,
    account: GenericAccount,
    values: Mapping[str, str],
    wrong: Mapping[str, str] | None = None,
) -> Response:
    return visit.page(
        "generic_account",
        422 if wrong else 200,
        account=account,
        fields=FIELDS,
        values=values,
        errors=wrong or {},
    )
