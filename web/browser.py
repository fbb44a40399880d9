"""The cookie by which a browser is known again when it comes back from Microsoft."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from ..plugin.settings.routes import routes

if TYPE_CHECKING:
    from ..schemas.settings import Settings
    from .request import Request

COOKIE = "m365_browser"
#: Seconds: as long as a sign-in stays open, counted from the last one that was begun.
SECONDS = 600
_BYTES = 32
_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")


def known_browser(request: Request) -> str:
    """Return the value that this browser brought; empty if it brought none of ours."""
    values = (value for name, value in request.cookies if name == COOKIE)
    return next((value for value in values if _VALUE.fullmatch(value)), "")


def browser_to_know(request: Request) -> str:
    """Return this browser's value, or a new one: one that is there serves a second tab too."""
    return known_browser(request) or secrets.token_urlsafe(_BYTES)


def cookie_of(browser: str, settings: Settings) -> str:
    """Return the Set-Cookie header for a browser's value.

    Lax, because the way back from Microsoft is a navigation from another site.
    """
    secure = "; Secure" if settings.base_url.startswith("https:") else ""
    path = routes(settings).folder
    return f"{COOKIE}={browser}; Path={path}; Max-Age={SECONDS}; HttpOnly; SameSite=Lax{secure}"
