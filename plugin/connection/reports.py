"""Reports of Test Connection as they are stored. Letters are written when they are shown."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...schemas.plain import from_plain, to_plain
from ...schemas.report import ConnectionReport, StageStatus
from ..findings.catalogue import entries
from ..findings.letter import letter_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...schemas.report import Finding, Stage
    from ...schemas.settings import Settings


log = logging.getLogger(__name__)


def stored_report(report: ConnectionReport) -> dict[str, Any]:
    """Return the report for its column; processes of the version before read it too."""
    plain: dict[str, Any] = to_plain(report)
    for found in plain["findings"]:
        del found["letter"], found["step_actors"]
    for stage in plain["stages"]:
        if stage["status"] == StageStatus.ACCEPTED:  # which that version does not know
            stage["status"] = StageStatus.PASSED.value
    return plain


def shown_report(plain: Mapping[str, Any], settings: Settings) -> ConnectionReport | None:
    """Return the report as it was given when the test ended.

    None if this version cannot read it: during a rolling restart a newer one may have stored it.
    """
    try:
        report = from_plain(ConnectionReport, plain)
    except ValueError:
        log.warning("a stored report is of a version that this one cannot read")
        return None
    values = {
        "username": report.signed_in_as,
        "mailbox": report.mailbox,
        "client_id": settings.client_id,
        "erp": settings.base_url,
    }
    findings = (_whole(found, values) for found in report.findings)
    stages = tuple(map(_as_proved, report.stages))
    return replace(report, findings=tuple(findings), stages=stages)


def _whole(found: Finding, values: Mapping[str, str]) -> Finding:
    """Return a finding with what is not stored: who takes its steps, and the letter."""
    entry = entries().get(found.code)
    actors = entry.step_actors if entry and len(entry.steps) == len(found.steps) else ()
    found = replace(found, step_actors=actors)
    return replace(found, letter=letter_for(found, values))


def _as_proved(stage: Stage) -> Stage:
    """Return the stage as it was given: one that passed says something of the sender only then."""
    unproved = (stage.protocol, stage.name) == ("smtp", "sender") and stage.detail
    if unproved and stage.status is StageStatus.PASSED:
        return replace(stage, status=StageStatus.ACCEPTED)
    return stage
