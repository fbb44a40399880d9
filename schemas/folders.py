"""Default folder mappings: roles, the dropdowns' choices, and what the host sends back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load, pre_load

from .mappings import posted
from .text import refuse_unsafe_text


class Role(StrEnum):
    """What a folder is for (RFC 6154 names them special uses)."""

    INBOX = "inbox"
    SENT = "sent"
    DRAFTS = "drafts"
    JUNK = "junk"
    TRASH = "trash"
    ARCHIVE = "archive"


ROLE_LABELS: Mapping[Role, str] = {
    Role.INBOX: "Inbox",
    Role.SENT: "Sent",
    Role.DRAFTS: "Drafts",
    Role.JUNK: "Junk",
    Role.TRASH: "Deleted",
    Role.ARCHIVE: "Archive",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChoice:
    """One folder of the dropdown, in tree order.

    `path` is the folder's name on the wire (modified UTF-7, RFC 3501), the value to send back;
    `label` its readable last part; `full_label` the whole readable path; `depth` counts from 0.
    A folder that cannot be selected (RFC 3501 Noselect) is shown, but not offered.
    """

    path: str
    label: str
    full_label: str
    depth: int
    selectable: bool = True
    malformed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChoice:
    """One dropdown: what is stored, what is suggested and why, and what is wrong if anything.

    `reason` is ``attribute``, ``name`` or empty. `problem` is ``vanished``, ``renamed``,
    ``replaced`` or empty; with ``renamed``, `suggested` is the folder's likely new path.
    """

    role: Role
    label: str
    mapped: str | None
    suggested: str | None
    reason: str = ""
    problem: str = ""
    problem_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderChoices:
    """All that the page "Default Folder Mappings" shows. `hint` says how long the list was cut."""

    account_id: str
    folders: tuple[FolderChoice, ...]
    roles: tuple[RoleChoice, ...]
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedFolder:
    """One stored mapping; with `uid_validity` (RFC 3501) a folder made again is noticed."""

    role: Role
    path: str
    full_label: str
    uid_validity: int
    chosen_by: str
    chosen_at: datetime


class FolderMappingSchema(Schema):
    """Loads ``{role: path}`` as a host posts it: an empty path means "not mapped"."""

    class Meta:
        """A host's form carries fields of its own (CSRF token): those are left out."""

        unknown = EXCLUDE

    inbox = fields.String(allow_none=True, validate=refuse_unsafe_text)
    sent = fields.String(allow_none=True, validate=refuse_unsafe_text)
    drafts = fields.String(allow_none=True, validate=refuse_unsafe_text)
    junk = fields.String(allow_none=True, validate=refuse_unsafe_text)
    trash = fields.String(allow_none=True, validate=refuse_unsafe_text)
    archive = fields.String(allow_none=True, validate=refuse_unsafe_text)

    @pre_load
    def _plain_names(self, data: Mapping[Any, Any], **_: Any) -> dict[str, Any]:
        return {str(role): path for role, path in posted(data).items()}

    @post_load
    def _to_roles(self, data: dict[str, str | None], **_: Any) -> dict[Role, str]:
        return {Role(name): path for name, path in data.items() if path}


def load_mapping(values: Mapping[str, Any]) -> dict[Role, str]:
    """Load a posted mapping; raise ``ValidationError`` with messages per role."""
    loaded: dict[Role, str] = FolderMappingSchema().load(values)
    return loaded
