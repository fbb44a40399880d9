"""A browser without a screen: cookies of its own, forms, and no redirect followed unasked."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import requests

from .forms import read_forms

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.cookiejar import Cookie
    from types import TracebackType

    from .press import Press

_SECONDS = 30
_MOST_REDIRECTS = 5


class NotOfferedError(Exception):
    """The page has no such button for this worker, or it is dead."""

    def __init__(self, button: str, answer: requests.Response) -> None:
        path = urlsplit(answer.url).path
        super().__init__(f"{path} (status {answer.status_code}) has no live button “{button}”.")
        self.button = button
        self.status = answer.status_code


class Browser:
    """One browser at one host; `forged` are headers that somebody on the way puts in."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.forged: dict[str, str] = {}
        self._session = requests.Session()
        self._session.trust_env = False
        # Browsers keep Secure cookies on http://localhost too: it counts as trustworthy.
        policy = DefaultCookiePolicy(secure_protocols=("https", "http"))
        self._session.cookies.set_policy(policy)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, path: str, query: Mapping[str, str] | None = None) -> requests.Response:
        """Load an address of the host; a redirect is the answer."""
        return self._send("GET", path, params=query)

    def post(
        self,
        path: str,
        values: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Post a form, or JSON as a page's script does; a redirect is the answer."""
        return self._send("POST", path, data=values, json=json, headers=headers)

    def form(self, path: str, button: str, values: Mapping[str, str] | None = None) -> Press:
        """Open a page, fill in the form that has this button, and return what presses it.

        Raises `NotOfferedError` if the page has no such live button.
        """
        page = self._open(path)
        for form in read_forms(page.text):
            if pressed := form.button(button):
                target = urljoin(page.url, form.action)
                sent = {**form.values, **(values or {}), **pressed.extra}
                return lambda: self._pressed(form.method, target, sent)
        raise NotOfferedError(button, page)

    def arrive(self, path: str, query: Mapping[str, str]) -> str:
        """Come to a page from another site, and tell where the host sends the browser next.

        Cookies with SameSite=Strict stay behind, as RFC 6265bis §5.2 has it for such navigations.
        """
        strict = [cookie for cookie in self._session.cookies if _is_strict(cookie)]
        for cookie in strict:
            self._session.cookies.clear(cookie.domain, cookie.path, cookie.name)
        try:
            return _next(self.get(path, query))
        finally:
            for cookie in strict:
                self._session.cookies.set_cookie(cookie)

    def _open(self, path: str) -> requests.Response:
        page = self.get(path)
        for _ in range(_MOST_REDIRECTS):
            target = urljoin(page.url, _next(page))
            if not page.is_redirect or urlsplit(target).netloc != urlsplit(page.url).netloc:
                break
            page = self.get(target)
        return page

    def _pressed(self, method: str, target: str, sent: Mapping[str, str]) -> str:
        return _next(self.post(target, sent) if method == "post" else self.get(target, sent))

    def _send(self, method: str, path: str, **content: Any) -> requests.Response:
        url = urljoin(self.base_url + "/", path)
        request = self._session.prepare_request(requests.Request(method, url, **content))
        # Only now: requests chooses cookies by the Host header.
        request.headers.update(self.forged)
        return self._session.send(request, allow_redirects=False, timeout=_SECONDS)


def _next(answer: requests.Response) -> str:
    return answer.headers.get("location", "")


def _is_strict(cookie: Cookie) -> bool:
    # http.cookiejar keeps the attribute's name as the host wrote it.
    names = ("SameSite", "samesite", "Samesite", "SAMESITE")
    given = (cookie.get_nonstandard_attr(name) for name in names)
    return any(value and value.lower() == "strict" for value in given)
