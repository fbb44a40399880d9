"""The administrator's status page: what `salesorder_health` finds before the workers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.responses import Response

    from .visit import Visit


def show_status(visit: Visit) -> Response:
    """Draw the findings of every plugin."""
    answers = visit.hook.salesorder_health(host=visit.host, worker=visit.worker)
    findings = [finding for answer in answers for finding in answer]
    return visit.page("status", findings=findings, now=visit.host.now())
