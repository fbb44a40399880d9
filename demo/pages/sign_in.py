"""To Microsoft and back: Login, the callback, the outcome, and the administrator's consent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from ...plugin.errors import NoSuchAccountError
from ...schemas.plain import from_plain, to_plain
from ...schemas.signin import LoginCode, LoginOutcome
from ..erp.workers import WORKERS
from .accounts import login_note
from .menus import ACCOUNTS, account_path

if TYPE_CHECKING:
    from ...schemas.signin import Redirect
    from .visit import Visit

BROWSER_COOKIE = "erp_mail_browser"
ATTEMPT_SECONDS = 600
OUTCOME = "/sign-in/outcome"
RETURNED = "/sign-in/returned"
ENDED = "/sign-in/ended"
#: The callback's address holds a code: no page may pass it on or be kept.
_QUIET = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
_FINE = frozenset({LoginCode.CONNECTED, LoginCode.CONSENTED})


def begin_login(visit: Visit) -> Response:
    """Send the browser to Microsoft's sign-in page."""
    redirect = visit.hook.salesorder_login_begin(**_attempt(visit))
    visit.keep(login_note(visit.account_id), time.time())
    return _leave(visit, redirect)


def begin_consent(visit: Visit) -> Response:
    """Send the browser to Microsoft's page for administrators."""
    return _leave(visit, visit.hook.salesorder_consent_begin(**_attempt(visit)))


def come_back(visit: Visit) -> Response:
    """Take Microsoft's answer and lead on at once, so that the address with the code is left."""
    if visit.worker not in WORKERS:
        # The administrator who was sent the link, or a worker whose session has ended: only the
        # worker's browser has the cookie of a sign-in that was begun here.
        begun = BROWSER_COOKIE in visit.request.cookies
        return RedirectResponse(ENDED if begun else RETURNED, 303, _QUIET)
    outcome: LoginOutcome | None = visit.hook.salesorder_login_callback(
        host=visit.host,
        query=dict(visit.request.query_params),
        worker=visit.worker,
        browser=visit.request.cookies.get(BROWSER_COOKIE, ""),
    )
    if outcome is None:
        return RedirectResponse(RETURNED, 303, _QUIET)
    if outcome.account_id:
        # It has ended: the account's page need not wait for it any more.
        visit.host.sessions.take(visit.session, login_note(outcome.account_id))
    if outcome.code in _FINE:
        visit.notice(outcome.message)
        return RedirectResponse(outcome.next_url, 303, _QUIET)
    visit.keep("outcome", to_plain(outcome))
    return RedirectResponse(OUTCOME, 303, _QUIET)


def show_outcome(visit: Visit) -> Response:
    """Explain how the last sign-in of this session ended."""
    kept = visit.host.sessions.get(visit.session, "outcome")
    if kept is None:
        return visit.go(ACCOUNTS)
    return visit.page("outcome", outcome=from_plain(LoginOutcome, kept))


def show_returned(visit: Visit) -> Response:
    """Explain a return from Microsoft that no login of this browser waits for."""
    return visit.page("returned")


def show_ended(visit: Visit) -> Response:
    """Explain that the worker's session in the ERP ended while they were at Microsoft."""
    visit.keep("after_login", ACCOUNTS)
    return visit.page("ended")


def _attempt(visit: Visit) -> dict[str, object]:
    return {
        "host": visit.host,
        "account_id": visit.account_id,
        "worker": visit.worker,
        "browser": visit.session.browser,
        "return_to": account_path(visit.account_id),
    }


def _leave(visit: Visit, redirect: Redirect | None) -> Response:
    if redirect is None:
        raise NoSuchAccountError(visit.account_id)
    settings = visit.host.settings
    response = RedirectResponse(redirect.url, redirect.status, dict(redirect.headers))
    response.set_cookie(
        BROWSER_COOKIE,
        visit.session.browser,
        max_age=ATTEMPT_SECONDS,
        path=settings.callback_path,
        httponly=True,
        # Not Strict: the way back from Microsoft is a cross-site navigation.
        samesite="lax",
        secure=settings.base_url.startswith("https:"),
    )
    return response
