"""Default Folder Mappings: a dropdown per role, with suggestions and offers of repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...plugin.errors import NoSuchAccountError
from ...schemas.account import FormErrors
from ...schemas.folders import Role
from .accounts import view_of
from .menus import account_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from ...schemas.folders import FolderChoices, RoleChoice
    from .visit import Visit


def show_folders(visit: Visit) -> Response:
    """Draw the dropdowns on a page of their own."""
    return _draw(visit, None)


def show_part(visit: Visit) -> Response:
    """Give the dropdowns alone, for the account's page: it is drawn without asking the server."""
    return _draw(visit, None, "folders_part")


def save_folders(visit: Visit) -> Response:
    """Store the mapping, or show what is wrong with it."""
    posted = {role: visit.form[role] for role in Role if role in visit.form}
    saved = visit.hook.salesorder_folder_map(
        host=visit.host, account_id=visit.account_id, mapping=posted, worker=visit.worker
    )
    if saved is None:
        raise NoSuchAccountError(visit.account_id)
    if isinstance(saved, FormErrors):
        return _draw(visit, saved)
    visit.notice("The folder mappings are saved.")
    return visit.go(account_path(visit.account_id) + "#folders")


def _draw(visit: Visit, wrong: FormErrors | None, template: str = "folders") -> Response:
    choices: FolderChoices | None = visit.hook.salesorder_folder_choices(
        host=visit.host, account_id=visit.account_id, worker=visit.worker
    )
    if choices is None:
        raise NoSuchAccountError(visit.account_id)
    # Later on, "Not mapped" is what somebody chose: a suggestion must not slip into the next save.
    first = not any(choice.mapped for choice in choices.roles)
    paths = {folder.path for folder in choices.folders if folder.selectable}
    return visit.page(
        template,
        422 if wrong else 200,
        view=view_of(visit),
        choices=choices,
        labels={folder.path: folder.full_label for folder in choices.folders},
        errors=wrong.errors if wrong else {},
        chosen={
            choice.role: _chosen(choice, paths, wrong.values if wrong else {}, first=first)
            for choice in choices.roles
        },
    )


def _chosen(
    choice: RoleChoice, paths: set[str], typed: Mapping[str, object], *, first: bool
) -> str:
    """Return the path that the dropdown shows first; empty for "not mapped"."""
    if choice.role in typed:
        return str(typed[choice.role] or "")
    if choice.mapped in paths:
        return choice.mapped or ""
    offered = choice.suggested in paths and (first or choice.mapped)
    return choice.suggested or "" if offered else ""
