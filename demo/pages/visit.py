"""One request: who it comes from, what was posted, and the checks before any page acts on it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from ..erp.sessions import SECONDS, Session
from ..erp.workers import WORKERS
from .drawing import draw

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import pluggy
    from starlette.requests import Request

    from ..erp.host import DemoHost

SESSION_COOKIE = "erp_session"
LONGEST_BODY = 64 * 1024
EXPIRED = "This page is too old. Go back, load it again and repeat what you did."
NO_COOKIE = (
    "The browser sent no cookie of the ERP's. It may be set to keep none: allow cookies for this"
    " address, load the page again and repeat what you did."
)
ENDED = "Your session has ended. Log in again; what you typed is kept."


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a page works with. Pages are plain functions that run in a thread: hooks may block."""

    request: Request = field(repr=False)
    session: Session
    form: Mapping[str, str] = field(repr=False)

    @property
    def host(self) -> DemoHost:
        """The ERP."""
        host: DemoHost = self.request.app.state.host
        return host

    @property
    def hook(self) -> pluggy.HookRelay:
        """The hooks: the one way to mail accounts."""
        return self.host.plugins.hook

    @property
    def worker(self) -> str:
        """The worker's name, as the hooks take it; empty for one who is not logged in."""
        return self.session.worker

    @property
    def account_id(self) -> str:
        """The account in the page's address."""
        return str(self.request.path_params["account_id"])

    def keep(self, name: str, value: Any) -> None:
        """Keep a plain value in the session."""
        self.host.sessions.put(self.session, name, value)

    def notice(self, text: str, tone: str = "good") -> None:
        """Show `text` on the next page; `tone` is ``good`` or ``bad``."""
        self.keep("notice", {"text": text, "tone": tone})

    def typed(self) -> Mapping[str, str] | None:
        """Return what was typed into this page's form when the session ended, once."""
        return self.host.sessions.take(self.session, f"typed {self.request.url.path}") or None

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """Draw a page for this worker, with a waiting notice if there is one."""
        notice = self.host.sessions.take(self.session, "notice")
        return draw(template, status, session=self.session, notice=notice, **values)

    def go(self, path: str) -> Response:
        """Send the browser to another page of the host."""
        return RedirectResponse(path, 303)


def find_session(request: Request) -> Session | None:
    """Return the session of the request's cookie, if it names one."""
    cookie = request.cookies.get(SESSION_COOKIE)
    host: DemoHost = request.app.state.host
    return host.sessions.load(cookie) if cookie else None


def set_session_cookie(response: Response, session: Session, host: DemoHost) -> None:
    """Give the browser its session's cookie."""
    response.set_cookie(
        SESSION_COOKIE,
        session.cookie,
        max_age=SECONDS,
        httponly=True,
        samesite="lax",
        secure=host.settings.base_url.startswith("https:"),
    )


def open_page(
    page: Callable[[Visit], Response], too_old: Callable[[Visit], Response] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a page that everybody may see; a POST needs its CSRF token.

    `too_old` draws the form again where the token is another session's; it does nothing.
    """

    async def endpoint(request: Request) -> Response:
        found = await run_in_threadpool(find_session, request)
        form = await _posted(request) if request.method == "POST" else {}
        host: DemoHost = request.app.state.host
        session = found
        if session is None:
            session = await run_in_threadpool(host.sessions.begin)
        visit = Visit(request=request, session=session, form=form)
        shown = page
        if request.method == "POST" and not _has_token(form, found):
            shown = _refused(visit, too_old)
        response = await run_in_threadpool(shown, visit)
        if found is None:
            set_session_cookie(response, session, host)
        return response

    return endpoint


def worker_page(
    page: Callable[[Visit], Response], too_old: Callable[[Visit], Response] | None = None
) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint of a page for workers: others are asked to log in, and come back."""

    def checked(visit: Visit) -> Response:
        if visit.worker in WORKERS:
            return page(visit)
        if visit.request.method == "GET":
            visit.keep("after_login", visit.request.url.path)
        return visit.go("/login")

    return open_page(checked, too_old)


def _has_token(form: Mapping[str, str], session: Session | None) -> bool:
    token = session.csrf if session else ""
    return bool(token) and hmac.compare_digest(form.get("csrf", "").encode(), token.encode())


def _refused(
    visit: Visit, too_old: Callable[[Visit], Response] | None
) -> Callable[[Visit], Response]:
    """Return what answers a POST without the session's token. Nothing is done for it."""
    if SESSION_COOKIE not in visit.request.cookies:
        raise HTTPException(403, NO_COOKIE)
    if too_old is None:
        raise HTTPException(403, EXPIRED)
    return too_old if visit.worker in WORKERS else _log_in_first


def _log_in_first(visit: Visit) -> Response:
    path = visit.request.url.path
    visit.keep("after_login", path)
    visit.keep(f"typed {path}", {k: v for k, v in visit.form.items() if k != "csrf"})
    visit.notice(ENDED, tone="bad")
    return visit.go("/login")


async def _posted(request: Request) -> Mapping[str, str]:
    length = request.headers.get("content-length")
    if length is None:
        raise HTTPException(411, "What was sent does not say how long it is.")
    if int(length) > LONGEST_BODY:
        raise HTTPException(413, "More was sent than a form of this page holds.")
    form = await request.form(max_fields=100, max_files=0)
    return {name: value for name, value in form.items() if isinstance(value, str)}
