"""The menu action and the shape of its form, derived from the schema: no database is needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from .account import AccountFormSchema
from .ids import KIND
from .permission import Permission

MENU_LABEL = "New Microsoft 365 Account (Corporate)"
MENU_PATH = ("Setup", "Configuration", "Email", "Mail Accounts", "Actions")


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuAction:
    """Where the host shows the action: its label, the path of menus above it, the permission."""

    label: str
    path: tuple[str, ...]
    permission: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One field: `widget` is ``text``, ``email`` or ``checkbox``; `longest` is in characters."""

    name: str
    label: str
    help: str
    widget: str
    required: bool
    default: str | bool
    longest: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """One button of the account's page; `primary` ones are blue."""

    name: str
    label: str
    primary: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKind:
    """One kind of mail account that the host can offer."""

    kind: str
    title: str
    menu: MenuAction
    fields: tuple[FormField, ...]
    buttons: tuple[Button, ...]


BUTTONS = (
    Button(name="save", label="Save"),
    Button(name="login", label="Login", primary=True),
    Button(name="test", label="Test Connection"),
    Button(name="folders", label="Default Folder Mappings"),
    Button(name="disconnect", label="Disconnect"),
    Button(name="delete", label="Delete"),
)


@cache
def corporate_kind() -> AccountKind:
    """Return the one kind that this plugin gives."""
    return AccountKind(
        kind=KIND,
        title="Microsoft 365 Account (Corporate)",
        menu=MenuAction(label=MENU_LABEL, path=MENU_PATH, permission=Permission.CREATE.value),
        fields=tuple(
            FormField(
                name=name,
                label=declared.metadata["label"],
                help=declared.metadata["help"],
                widget=declared.metadata["widget"],
                # An unchecked "Use OAuth" is refused, so a host may mark it as required too.
                required=declared.required or name == "use_oauth",
                default=declared.metadata["widget"] == "checkbox" or "",
                longest=getattr(declared, "longest", None),
            )
            for name, declared in AccountFormSchema().fields.items()
        ),
        buttons=BUTTONS,
    )
