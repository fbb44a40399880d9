"""Which address is answered how. What is said on a page is in `pages` and in the catalogue."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field
from functools import partial
from http.client import responses
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import unquote, urlencode

from ..plugin.errors import M365Error, TicketError
from ..plugin.frames import clear_frames
from ..plugin.settings.routes import routes
from . import pages
from .answers import Answer, HostsPage, led_on, left, of_host
from .browser import browser_to_know, cookie_of, known_browser
from .request import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from wsgiref.types import StartResponse

    from ..schemas.host import Host
    from ..schemas.signin import LoginOutcome, Redirect

log = logging.getLogger(__name__)

Environ: TypeAlias = "Mapping[str, Any]"
#: Which host (database) a request is for; None if there is none at this address.
HostOf: TypeAlias = "Callable[[Environ], Host | None]"
#: Who is logged in to the host in the browser that sent the request; None or empty for nobody.
WorkerOf: TypeAlias = "Callable[[Environ], str | None]"
#: The host's page for an outcome, None for a return that no sign-in here waits for. It may lead on
#: by a redirect, and may return None, so that the page of `pages` is shown.
Arrived: TypeAlias = "Callable[[Environ, LoginOutcome | None], HostsPage | None]"


def _own_page(_environ: Environ, _outcome: LoginOutcome | None) -> None:
    """Leave the page to `pages`."""


def create_app(host_of: HostOf, worker_of: WorkerOf, arrived: Arrived = _own_page) -> MailRoutes:
    """Return the WSGI application of both routes, for all hosts of a process.

    They lie in the folder of the setting `callback_path`: ``login``, where a ticket of
    ``salesorder_login_ticket`` is opened, and the callback. Mount it so that it sees the whole path
    in SCRIPT_NAME and PATH_INFO, or let a view of the host call `MailRoutes.answer`.
    """
    return MailRoutes(host_of, worker_of, arrived)


@dataclass(frozen=True)
class _Visit:
    """One request to one host."""

    host: Host
    worker: str | None
    request: Request
    #: Shows an outcome: the host's page, or ours.
    show: Callable[[LoginOutcome | None], Answer] = field(repr=False)


@dataclass(frozen=True)
class MailRoutes:
    """A WSGI application. Any number of threads may call it."""

    host_of: HostOf
    worker_of: WorkerOf
    arrived: Arrived

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        answer = self.answer(environ)
        phrase = responses.get(answer.status, "Status of the host")
        start_response(f"{answer.status} {phrase}", list(answer.headers))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def answer(self, environ: Environ) -> Answer:
        """Answer one request, whatever happens; for hosts with a response class of their own."""
        try:
            return self._answer(environ)
        except M365Error as err:
            return pages.refusal(err)
        except Exception as err:  # the host's own functions may raise anything
            # The query and the cookies must not reach a log by way of the frames.
            clear_frames(err)
            del environ
            error_id = secrets.token_hex(4)
            log.exception("error %s at the routes of a sign-in", error_id)
            return pages.broken(error_id)

    def _answer(self, environ: Environ) -> Answer:
        host = self.host_of(environ)
        request = Request.of(environ)
        route = None if host is None else _route(host, request)
        if host is None or route is None:
            return pages.not_found()
        if request.method != "GET":
            return pages.not_allowed()
        visit = _Visit(
            host, self.worker_of(environ) or None, request, partial(self._shown, environ)
        )
        return route(visit)

    def _shown(self, environ: Environ, outcome: LoginOutcome | None) -> Answer:
        page = self.arrived(environ, outcome)
        return pages.outcome(outcome) if page is None else of_host(page)


def _route(host: Host, request: Request) -> Callable[[_Visit], Answer] | None:
    at = routes(host.settings)
    # A proxy may have taken the path of `base_url` away from the front.
    front = at.callback.removesuffix(host.settings.callback_path)
    paths = {request.path, unquote(front) + request.path}
    # A callback may be named ``login`` too: only a ticket's address has a ticket.
    if unquote(at.login) in paths and ("ticket" in request.query or at.login != at.callback):
        return _login
    return _callback if unquote(at.callback) in paths else None


def _login(visit: _Visit) -> Answer:
    """Open a ticket: the browser gets its cookie and goes on to Microsoft."""
    browser = browser_to_know(visit.request)
    redirect: Redirect | None = visit.host.plugins.hook.salesorder_ticket_open(
        host=visit.host,
        ticket=visit.request.query.get("ticket", ""),
        worker=visit.worker,
        browser=browser,
    )
    if redirect is None:
        raise TicketError("ticket_expired")
    return left(redirect, cookie_of(browser, visit.host.settings))


def _callback(visit: _Visit) -> Answer:
    """Finish what Microsoft answers, then show it at an address without the code.

    The second address has the state alone. It asks Microsoft nothing: the hook gives the outcome
    again, to this browser only.
    """
    query = visit.request.query
    outcome: LoginOutcome | None = visit.host.plugins.hook.salesorder_login_callback(
        host=visit.host, query=query, worker=visit.worker, browser=known_browser(visit.request)
    )
    if query.keys() <= {"state"}:
        return visit.show(outcome)
    bare = f"?{urlencode({'state': query['state']})}" if outcome else ""
    return led_on(routes(visit.host.settings).callback + bare)
