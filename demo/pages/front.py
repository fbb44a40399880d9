"""Logging in to the ERP, its home page, and the menus down to Mail Accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..erp.workers import PASSWORD, WORKERS, log_in
from .menus import MENUS
from .visit import set_session_cookie

if TYPE_CHECKING:
    from starlette.responses import Response

    from .visit import Visit


def show_login(visit: Visit) -> Response:
    """Draw the ERP's login page."""
    return _login(visit)


def do_login(visit: Visit) -> Response:
    """Log in; the session before is ended, so that nobody can have planted it."""
    name = visit.form.get("worker", "")
    worker = log_in(name, visit.form.get("password", ""))
    if worker is None:
        return _login(visit, chosen=name, error="That is not the password. Type it again.")
    sessions = visit.host.sessions
    path = sessions.get(visit.session, "after_login") or "/"
    typed = sessions.get(visit.session, f"typed {path}")
    sessions.end(visit.session)
    begun = sessions.begin(worker.name)
    if typed:
        sessions.put(begun, f"typed {path}", typed)
    response = visit.go(path)
    set_session_cookie(response, begun, visit.host)
    return response


def log_out(visit: Visit) -> Response:
    """End the session."""
    visit.host.sessions.end(visit.session)
    return visit.go("/login")


def home(visit: Visit) -> Response:
    """Draw the home page: where to begin."""
    panel = visit.request.app.state.panel
    return visit.page("home", panel=panel)


def menu(visit: Visit) -> Response:
    """Draw one level of the menus: the way on to the next one."""
    paths = [entry.path for entry in MENUS]
    here = paths.index(visit.request.url.path)
    return visit.page("menu", here=MENUS[here], below=MENUS[here + 1])


def _login(visit: Visit, *, chosen: str = "admin", error: str = "") -> Response:
    return visit.page(
        "login",
        422 if error else 200,
        workers=WORKERS.values(),
        chosen=chosen,
        error=error,
        password=PASSWORD,
    )
