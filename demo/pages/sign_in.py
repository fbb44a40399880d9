"""To Microsoft and back: Login, the routes of `web`, the outcome, the administrator's consent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from a2wsgi import WSGIMiddleware
from starlette.requests import Request

from ...plugin.errors import NoSuchAccountError
from ...schemas.plain import from_plain, to_plain
from ...schemas.signin import LoginCode, LoginOutcome
from ...web import create_app
from ..erp.workers import WORKERS
from .accounts import login_note
from .menus import ACCOUNTS, account_path
from .visit import find_session

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from ...web import Environ, HostsPage
    from ..erp.host import DemoHost
    from .visit import Visit

OUTCOME = "/sign-in/outcome"
RETURNED = "/sign-in/returned"
_FINE = frozenset({LoginCode.CONNECTED, LoginCode.CONSENTED})


def begin_login(visit: Visit) -> Response:
    """Send the browser to Microsoft's sign-in page, by a ticket."""
    left = _leave(visit, "login")
    visit.keep(login_note(visit.account_id), time.time())
    return left


def begin_consent(visit: Visit) -> Response:
    """Send the browser to Microsoft's page for administrators, by a ticket."""
    return _leave(visit, "consent")


def mail_routes() -> ASGIApp:
    """Return the routes where tickets are opened and Microsoft's answers come back."""
    routes = create_app(host_of=_host_of, worker_of=_worker_of, arrived=_arrived)
    app: ASGIApp = WSGIMiddleware(routes)  # type: ignore[assignment,arg-type] # types of its own
    return app


def _leave(visit: Visit, purpose: str) -> Response:
    path = visit.hook.salesorder_login_ticket(
        host=visit.host,
        account_id=visit.account_id,
        worker=visit.worker,
        return_to=account_path(visit.account_id),
        purpose=purpose,
    )
    if path is None:
        raise NoSuchAccountError(visit.account_id)
    return visit.go(path)


def _host_of(environ: Environ) -> DemoHost:
    host: DemoHost = environ["asgi.scope"]["app"].state.host
    return host


def _worker_of(environ: Environ) -> str | None:
    session = find_session(Request(environ["asgi.scope"]))
    return session.worker if session and session.worker in WORKERS else None


def _arrived(environ: Environ, outcome: LoginOutcome | None) -> HostsPage | None:
    """Keep the outcome for the session's next page; without one the routes' own page tells it."""
    if outcome is None:
        return _to(RETURNED)
    session, sessions = find_session(Request(environ["asgi.scope"])), _host_of(environ).sessions
    if session is None or session.worker not in WORKERS:
        return None
    if outcome.account_id:
        # It has ended: the account's page need not wait for it any more.
        sessions.take(session, login_note(outcome.account_id))
    if outcome.code in _FINE:
        sessions.put(session, "notice", {"text": outcome.message, "tone": "good"})
        return _to(outcome.next_url)
    sessions.put(session, "outcome", to_plain(outcome))
    return _to(OUTCOME)


def _to(path: str) -> HostsPage:
    return 303, [("Location", path)], b""


def show_outcome(visit: Visit) -> Response:
    """Explain how the last sign-in of this session ended."""
    kept = visit.host.sessions.get(visit.session, "outcome")
    if kept is None:
        return visit.go(ACCOUNTS)
    return visit.page("outcome", outcome=from_plain(LoginOutcome, kept))


def show_returned(visit: Visit) -> Response:
    """Explain a return from Microsoft that no login of this browser waits for."""
    return visit.page("returned")
