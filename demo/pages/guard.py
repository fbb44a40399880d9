"""What every answer carries, and the net below every page: headers, canonical host, no traceback.

There is no ``form-action`` in the policy: Chromium applies it to where a form's answer redirects
to, and the form behind Login leads to Microsoft.
"""

from __future__ import annotations

import logging
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse

from .drawing import draw

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # Pages hold CSRF tokens and mail addresses; no cache needs to keep them.
    "Cache-Control": "no-store",
}


class Guard:
    """Sets the headers, and turns an error that nobody caught into a page with an id."""

    def __init__(self, app: ASGIApp, base_url: str) -> None:
        self._app = app
        self._base_url = base_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._inner(scope)(scope, receive, guarded)
        except ClientDisconnect:
            """The browser has gone before its request was whole: nobody is there to answer."""
        except Exception:
            error_id = secrets.token_hex(4)
            # The path only: a callback's query holds a code.
            log.exception("error %s at %s %s", error_id, scope["method"], scope["path"])
            if started:
                raise
            page = draw("broken", 500, session=None, notice=None, error_id=error_id)
            await page(scope, receive, guarded)

    def _inner(self, scope: Scope) -> ASGIApp:
        host = Headers(scope=scope).get("host", "")
        if host == urlsplit(self._base_url).netloc:
            return self._app
        # Under another name (127.0.0.1) the cookies would not come along to the callback.
        return RedirectResponse(self._base_url + "/", 303)
