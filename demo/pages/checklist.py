"""The help article as a checklist on the account's page: what is done, and what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ...schemas.mail_address import same_address
from ...schemas.report import StageStatus
from ...schemas.view import AccountState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...schemas.generic import GenericAccount
    from ...schemas.view import AccountView

#: Findings that say that sending is switched off at Microsoft.
_SWITCHED_OFF = frozenset({"smtp_auth_disabled", "smtp_auth_disabled_mailbox", "security_defaults"})


class StepState(StrEnum):
    """How far one step is; ``unknown`` is what only Test Connection can show."""

    DONE = "done"
    OPEN = "open"
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the article; `next` is the one to do now."""

    name: str
    label: str
    state: StepState
    next: bool = False


def steps(view: AccountView, generic: Iterable[GenericAccount]) -> tuple[Step, ...]:
    """Return the article's steps for this account; `generic` are all that the ERP still has."""
    passed = view.report is not None and view.report.passed and not is_old(view)
    left = any(same_address(each.address, view.mailbox) for each in generic if each.address)
    found = [
        ("exchange", "Exchange lets the ERP send", _exchange(view)),
        ("login", "Signed in", _done(view.state is AccountState.CONNECTED)),
        ("test", "Connection tested", _done(passed)),
        ("folders", "Folders mapped", _done(bool(view.folders))),
        ("generic", "Generic account removed", _done(not left)),
    ]
    undone = [name for name, _, state in found if state is StepState.OPEN]
    return tuple(
        Step(name=name, label=label, state=state, next=undone[:1] == [name])
        for name, label, state in found
    )


def is_old(view: AccountView) -> bool:
    """Return whether the report is from before the last sign-in, which may have mended it."""
    if view.report is None or view.signed_in_at is None:
        return False
    return view.report.started_at < view.signed_in_at


def _exchange(view: AccountView) -> StepState:
    """Return what the last test saw of the switch: SMTP AUTH for the organization."""
    if view.report is None:
        return StepState.UNKNOWN
    if any(found.code in _SWITCHED_OFF for found in view.report.findings):
        return StepState.BROKEN
    signed_in = any(
        stage.protocol == "smtp" and stage.name == "sign_in" and stage.status is StageStatus.PASSED
        for stage in view.report.stages
    )
    return StepState.DONE if signed_in else StepState.UNKNOWN


def _done(done: bool) -> StepState:  # noqa: FBT001 - a name of its own for what it turns it into
    return StepState.DONE if done else StepState.OPEN
