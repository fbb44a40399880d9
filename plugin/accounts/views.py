"""An account as a host shows it: state, buttons and why they are dead. Reads no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.ids import KIND
from ...schemas.kinds import BUTTONS
from ...schemas.permission import Permission
from ...schemas.view import STATE_LABELS, AccountState, AccountView, ButtonState
from ..connection.reports import shown_report
from ..entra.consent import consent_links
from ..findings.catalogue import finding

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...schemas.event import Event
    from ...schemas.folders import MappedFolder
    from ...schemas.report import Finding
    from ...schemas.settings import Settings
    from ..store.accounts import AccountRow

_PERMISSIONS = {
    "save": Permission.EDIT,
    "login": Permission.CONNECT,
    "test": Permission.TEST,
    "folders": Permission.MAP_FOLDERS,
    "disconnect": Permission.CONNECT,
    "delete": Permission.DELETE,
}
_IDS = ("trace_id", "correlation_id", "timestamp")
_NEEDS_GRANT = {
    AccountState.DRAFT: {
        "test": "Press Login first: the account is not signed in.",
        "folders": "Press Login first: the account is not signed in.",
        "disconnect": "The account is not signed in.",
    },
    AccountState.SIGN_IN_NEEDED: {
        "test": "Press Login first: Microsoft asks for a new sign-in.",
        "folders": "Press Login first: Microsoft asks for a new sign-in.",
    },
    AccountState.CONNECTED: {},
}


def view_of(
    row: AccountRow,
    folders: tuple[MappedFolder, ...],
    settings: Settings,
    allows: Callable[[Permission], bool],
    events: tuple[Event, ...] = (),
) -> AccountView:
    """Return the view of a row for a worker; `allows` answers for this account."""
    state = state_of(row)
    report = shown_report(row.report, settings) if row.report else None
    return AccountView(
        id=row.id,
        kind=KIND,
        values=row.form,
        state=state,
        state_label=STATE_LABELS[state],
        mailbox=row.form.sender_email,
        signed_in_as=row.signed_in_as,
        signed_in_at=row.signed_in_at,
        buttons=tuple(_buttons(state, allows)),
        folders=folders,
        finding=_why_refused(row, settings, events),
        report=report,
        report_is_old=bool(report and row.signed_in_at and report.started_at < row.signed_in_at),
        events=events,
        version=row.version,
    )


def _why_refused(row: AccountRow, settings: Settings, events: tuple[Event, ...]) -> Finding | None:
    if not row.refused:
        return None
    # Microsoft's ids came with the refusal, which the event tells of.
    refusal = next((event.details for event in events if event.name == "authn_token_revoked"), {})
    return finding(
        row.refused,
        references={name: refusal[name] for name in _IDS if name in refusal},
        links=consent_links(row.refused, settings),
        mailbox=row.form.sender_email,
        username=row.form.username,
        signed_in=row.signed_in_as or "",
        client_id=settings.client_id,
        redirect_uri=settings.redirect_uri,
        erp=settings.base_url,
    )


def state_of(row: AccountRow) -> AccountState:
    """Return the state that an account's grant stands for."""
    if row.signed_in_at is None:
        return AccountState.DRAFT
    return AccountState.SIGN_IN_NEEDED if row.refused else AccountState.CONNECTED


def _buttons(state: AccountState, allows: Callable[[Permission], bool]) -> list[ButtonState]:
    buttons = []
    for button in BUTTONS:
        reason = _NEEDS_GRANT[state].get(button.name, "")
        if not allows(_PERMISSIONS[button.name]):
            reason = "You do not have the permission for this."
        buttons.append(
            ButtonState(
                name=button.name,
                label=button.label,
                primary=button.primary,
                enabled=not reason,
                reason=reason,
            )
        )
    return buttons
