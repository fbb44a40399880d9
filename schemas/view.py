"""One account as a host shows it. Drawing it needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .account import AccountForm
from .event import Event
from .folders import MappedFolder
from .report import ConnectionReport, Finding


class AccountState(StrEnum):
    """A passing fault (network, 5xx, throttling) never changes the state."""

    DRAFT = "draft"
    CONNECTED = "connected"
    SIGN_IN_NEEDED = "sign_in_needed"


STATE_LABELS = {
    AccountState.DRAFT: "Not signed in",
    AccountState.CONNECTED: "Connected",
    AccountState.SIGN_IN_NEEDED: "Sign-in needed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonState:
    """Whether a button is live for this worker now; if not, `reason` says why in a sentence."""

    name: str
    label: str
    primary: bool
    enabled: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """An account. `id` begins with ``m365:``; `mailbox` is what IMAP opens (the Sender email).

    `events` are the last ten, newest first; in a list of accounts there are none. `version` counts
    the saves: sent back among the form's values, it keeps one tab from overwriting another.
    `report_is_old` tells that the report is from before the last sign-in, which may have mended it.
    """

    id: str
    kind: str
    values: AccountForm
    state: AccountState
    state_label: str
    mailbox: str
    signed_in_as: str | None
    signed_in_at: datetime | None
    buttons: tuple[ButtonState, ...]
    folders: tuple[MappedFolder, ...]
    finding: Finding | None
    report: ConnectionReport | None
    events: tuple[Event, ...] = ()
    version: int = 0
    report_is_old: bool = False
    #: Mails that are queued or uncertain: a confirmation of Delete says what becomes of them.
    waiting: int = 0
    #: Why no mail leaves this account now; None while it does.
    paused: Finding | None = None
