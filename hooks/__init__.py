"""The one face for hosts: all that a host imports, in one line.

Names are imported at first use, so that a host that only loads the plugin pays for none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..plugin.errors import (
        BadRequestError,
        HostFailedError,
        M365Error,
        MailError,
        NoSuchAccountError,
        NoSuchMailError,
        NotAllowedError,
        RegistrationError,
        SealError,
        SettingsError,
        SignInNeededError,
        StoreError,
        TicketError,
        UnavailableError,
    )
    from ..plugin.settings.reading import read_settings
    from ..plugin.store.engines import dispose_engines
    from ..schemas.access import MailAccess, Protocol
    from ..schemas.account import (
        AccountForm,
        FormErrors,
    )
    from ..schemas.delivery import (
        Decision,
        Delivery,
        DeliveryRecipient,
        DeliveryState,
        MailPart,
        MailPreview,
        RecipientState,
        TrailStep,
        WaitReason,
        Work,
    )
    from ..schemas.event import Event
    from ..schemas.folders import (
        FolderChoice,
        FolderChoices,
        MappedFolder,
        Role,
        RoleChoice,
    )
    from ..schemas.generic import (
        GenericAccount,
        GenericCode,
        GenericConflict,
        GenericOutcome,
        GenericPlan,
        GenericPlanned,
        GenericResult,
        GenericState,
    )
    from ..schemas.host import (
        GenericHost,
        Host,
    )
    from ..schemas.job import (
        Job,
        JobReport,
    )
    from ..schemas.kinds import (
        AccountKind,
        Button,
        FormField,
        MenuAction,
    )
    from ..schemas.outgoing import (
        Address,
        Attachment,
        OutgoingMail,
    )
    from ..schemas.permission import (
        SYSTEM,
        Permission,
    )
    from ..schemas.plain import (
        from_plain,
        to_plain,
    )
    from ..schemas.report import (
        Actor,
        ConnectionReport,
        Finding,
        Letter,
        Stage,
        StageStatus,
    )
    from ..schemas.settings import Settings
    from ..schemas.signin import (
        LoginCode,
        LoginOutcome,
        Redirect,
    )
    from ..schemas.verdict import Verdict
    from ..schemas.view import (
        AccountState,
        AccountView,
        ButtonState,
    )
    from .connections import imap_connection, smtp_connection
    from .manager import create_manager
    from .spec import hookimpl

__all__ = [
    "SYSTEM",
    "AccountForm",
    "AccountKind",
    "AccountState",
    "AccountView",
    "Actor",
    "Address",
    "Attachment",
    "BadRequestError",
    "Button",
    "ButtonState",
    "ConnectionReport",
    "Decision",
    "Delivery",
    "DeliveryRecipient",
    "DeliveryState",
    "Event",
    "Finding",
    "FolderChoice",
    "FolderChoices",
    "FormErrors",
    "FormField",
    "GenericAccount",
    "GenericCode",
    "GenericConflict",
    "GenericHost",
    "GenericOutcome",
    "GenericPlan",
    "GenericPlanned",
    "GenericResult",
    "GenericState",
    "Host",
    "HostFailedError",
    "Job",
    "JobReport",
    "Letter",
    "LoginCode",
    "LoginOutcome",
    "M365Error",
    "MailAccess",
    "MailError",
    "MailPart",
    "MailPreview",
    "MappedFolder",
    "MenuAction",
    "NoSuchAccountError",
    "NoSuchMailError",
    "NotAllowedError",
    "OutgoingMail",
    "Permission",
    "Protocol",
    "RecipientState",
    "Redirect",
    "RegistrationError",
    "Role",
    "RoleChoice",
    "SealError",
    "Settings",
    "SettingsError",
    "SignInNeededError",
    "Stage",
    "StageStatus",
    "StoreError",
    "TicketError",
    "TrailStep",
    "UnavailableError",
    "Verdict",
    "WaitReason",
    "Work",
    "create_manager",
    "dispose_engines",
    "from_plain",
    "hookimpl",
    "imap_connection",
    "read_settings",
    "smtp_connection",
    "to_plain",
]

#: Where each name is defined.
_MODULES = {
    ".connections": (
        "imap_connection",
        "smtp_connection",
    ),
    ".manager": ("create_manager",),
    ".spec": ("hookimpl",),
    "..plugin.settings.reading": ("read_settings",),
    "..plugin.store.engines": ("dispose_engines",),
    "..schemas.host": (
        "GenericHost",
        "Host",
    ),
    "..plugin.errors": (
        "BadRequestError",
        "HostFailedError",
        "M365Error",
        "MailError",
        "NoSuchAccountError",
        "NoSuchMailError",
        "NotAllowedError",
        "RegistrationError",
        "SealError",
        "SettingsError",
        "SignInNeededError",
        "StoreError",
        "TicketError",
        "UnavailableError",
    ),
    "..schemas.access": (
        "MailAccess",
        "Protocol",
    ),
    "..schemas.account": (
        "AccountForm",
        "FormErrors",
    ),
    "..schemas.delivery": (
        "Decision",
        "Delivery",
        "DeliveryRecipient",
        "DeliveryState",
        "MailPart",
        "MailPreview",
        "RecipientState",
        "TrailStep",
        "WaitReason",
        "Work",
    ),
    "..schemas.event": ("Event",),
    "..schemas.folders": (
        "FolderChoice",
        "FolderChoices",
        "MappedFolder",
        "Role",
        "RoleChoice",
    ),
    "..schemas.generic": (
        "GenericAccount",
        "GenericCode",
        "GenericConflict",
        "GenericOutcome",
        "GenericPlan",
        "GenericPlanned",
        "GenericResult",
        "GenericState",
    ),
    "..schemas.job": (
        "Job",
        "JobReport",
    ),
    "..schemas.kinds": (
        "AccountKind",
        "Button",
        "FormField",
        "MenuAction",
    ),
    "..schemas.outgoing": (
        "Address",
        "Attachment",
        "OutgoingMail",
    ),
    "..schemas.permission": (
        "Permission",
        "SYSTEM",
    ),
    "..schemas.plain": (
        "from_plain",
        "to_plain",
    ),
    "..schemas.report": (
        "Actor",
        "ConnectionReport",
        "Finding",
        "Letter",
        "Stage",
        "StageStatus",
    ),
    "..schemas.settings": ("Settings",),
    "..schemas.signin": (
        "LoginCode",
        "LoginOutcome",
        "Redirect",
    ),
    "..schemas.verdict": ("Verdict",),
    "..schemas.view": (
        "AccountState",
        "AccountView",
        "ButtonState",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name of `__all__` at its first use (PEP 562)."""
    if name not in _HOME:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(_HOME[name], __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
