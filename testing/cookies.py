"""Which cookies a browser sends where, as far as ``http.cookiejar`` differs from browsers."""

from __future__ import annotations

from http.cookiejar import Cookie, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from urllib.request import Request

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BrowserPolicy(DefaultCookiePolicy):
    """Sends Secure cookies to this computer over http too.

    Browsers count such addresses as potentially trustworthy (W3C Secure Contexts §3.1).
    """

    def return_ok_secure(self, cookie: Cookie, request: Request) -> bool:
        """Return whether this cookie may go with this request."""
        url = urlsplit(request.get_full_url())
        return not cookie.secure or url.scheme == "https" or _is_loopback(url.hostname)


def attribute(cookie: Cookie, name: str) -> str | None:
    """Return a cookie's attribute; empty for one without value, None if it is absent.

    Such as HttpOnly and SameSite, whose names ``http.cookiejar`` keeps as the host wrote them.
    """
    given: dict[str, str | None] = vars(cookie)["_rest"]
    found = [value or "" for key, value in given.items() if key.lower() == name.lower()]
    return found[-1] if found else None


def is_strict(cookie: Cookie) -> bool:
    """Return whether the cookie stays behind when the way to the host begins at another site."""
    return (attribute(cookie, "SameSite") or "").lower() == "strict"


def _is_loopback(host: str | None) -> bool:
    return host is not None and (host in _LOOPBACK or host.endswith(".localhost"))
