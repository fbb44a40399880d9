"""Send a test mail to myself: the button after Test Connection, and the page of its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...hooks import ConnectionReport, NoSuchAccountError, from_plain, to_plain
from .accounts import view_of
from .drawing import verdict
from .menus import account_path

if TYPE_CHECKING:
    from starlette.responses import Response

    from .visit import Visit

_ALL_WORKS = "The mail was sent, a copy of it was filed, and it arrived."


def send_test_mail(visit: Visit) -> Response:
    """Send the mail and look for it, which takes some seconds; then show the report."""
    report: ConnectionReport | None = visit.hook.salesorder_mail_test(
        host=visit.host, account_id=visit.account_id, worker=visit.worker, progress=None
    )
    if report is None:
        raise NoSuchAccountError(visit.account_id)
    # The plugin stores no report of this kind: it lies in the session, for the page to be loaded.
    visit.keep(_note(visit), to_plain(report))
    return visit.go(account_path(visit.account_id, "test-mail"))


def show_test_mail(visit: Visit) -> Response:
    """Draw the report of the last test mail of this session."""
    view = view_of(visit)
    kept = visit.host.sessions.get(visit.session, _note(visit))
    if kept is None:
        return visit.go(account_path(visit.account_id))
    report = from_plain(ConnectionReport, kept)
    told = _ALL_WORKS if report.passed else verdict(report)
    return visit.page("test_mail", view=view, report=report, told=told)


def _note(visit: Visit) -> str:
    return f"test mail {visit.account_id}"
