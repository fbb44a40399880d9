"""The host's Generic accounts, and how far each is on its way to a Microsoft 365 account.

"Existing 'Mail Account' Configurations" in the ERP's help article: list them, note the addresses,
replace them. None of these values holds a password.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .account import AccountForm
from .view import AccountState


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericAccount:
    """One Generic account, as the host lists it; texts are as somebody once typed them.

    `id` is the host's own, at most 200 characters, and must come back with the account when it is
    put back. `used_by` names what sends or reads through it, as the host shows that to people.
    """

    id: str
    name: str
    address: str
    sender_name: str = ""
    username: str = ""
    used_by: tuple[str, ...] = ()


class GenericState(StrEnum):
    """How far one Generic account is. The first two are not stored: nothing was begun."""

    READY = "ready"
    CONFLICT = "conflict"
    WAITING = "waiting"
    DELETING = "deleting"
    REPLACED = "replaced"
    RESTORING = "restoring"
    RESTORED = "restored"


GENERIC_STATE_LABELS = {
    GenericState.READY: "Can be replaced",
    GenericState.CONFLICT: "Cannot be replaced",
    GenericState.WAITING: "Both there",
    GenericState.DELETING: "Interrupted",
    GenericState.REPLACED: "Replaced",
    GenericState.RESTORING: "Interrupted",
    GenericState.RESTORED: "Restored",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericConflict:
    """What is wrong or to be known; one that `blocks` keeps the account from being replaced."""

    code: str
    message: str
    blocks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericPlanned:
    """One line of the plan: `suggested` fills in the form of the new account.

    `account_id` is the new account, once there is one; `account_state` and `tested` (its Test
    Connection passed since the copy was taken) say what it still needs.
    """

    generic: GenericAccount
    state: GenericState
    state_label: str
    suggested: AccountForm | None
    conflicts: tuple[GenericConflict, ...] = ()
    account_id: str | None = None
    account_state: AccountState | None = None
    tested: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericPlan:
    """Every Generic account, by name, those replaced already among them.

    `domains` are those known to lie in the tenant; empty where nobody has told: then only a sign-in
    and Test Connection show whether a mailbox is there.
    """

    accounts: tuple[GenericPlanned, ...]
    domains: tuple[str, ...] = ()


class GenericCode(StrEnum):
    """How one account's turn in a run ended."""

    REPLACED = "replaced"
    RESTORED = "restored"
    SIGN_IN_FIRST = "sign_in_first"
    TEST_FAILED = "test_failed"
    CONFLICT = "conflict"
    CHANGED = "changed"
    FAILED = "failed"
    GONE = "gone"


GENERIC_MESSAGES = {
    GenericCode.REPLACED: "Replaced: the Generic account is deleted, its settings are kept sealed.",
    GenericCode.RESTORED: "The Generic account is back as it was.",
    GenericCode.SIGN_IN_FIRST: "The new account is there, the Generic one still works. Sign in"
    " with Microsoft, press Test Connection, then replace again.",
    GenericCode.TEST_FAILED: "Test Connection of the new account failed, so the Generic one still"
    " works. The new account's page says what to do.",
    GenericCode.CHANGED: "Somebody keeps changing the Generic account. It still works; try again"
    " in a moment.",
    GenericCode.GONE: "There is no such Generic account (any more).",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericOutcome:
    """How one account's turn ended, with a sentence to show."""

    generic_id: str
    name: str
    code: GenericCode
    message: str
    account_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenericResult:
    """What a run of replace or restore came to, account by account."""

    outcomes: tuple[GenericOutcome, ...]
