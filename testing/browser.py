"""A browser without a screen: cookies of its own, forms, and no redirect followed unasked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urljoin, urlsplit

import requests

from .cookies import BrowserPolicy, is_strict
from .forms import page_text, read_buttons

if TYPE_CHECKING:
    from collections.abc import Mapping
    from http.cookiejar import CookieJar
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
    """One browser at one host. `answers` are all that the host has answered, oldest first.

    `forged` are headers that somebody on the way puts into every request.
    """

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.forged: dict[str, str] = {}
        self.answers: list[requests.Response] = []
        self._session = requests.Session()
        self._session.trust_env = False
        self.cookies.set_policy(BrowserPolicy())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    @property
    def cookies(self) -> CookieJar:
        """The cookies that this browser holds."""
        return self._session.cookies

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Load an address of the host; a redirect is the answer."""
        return self._send("GET", path, params=query, headers=headers)

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

    def send(
        self, method: str, path: str, body: bytes | str | None, headers: Mapping[str, str]
    ) -> requests.Response:
        """Send any request with this browser's cookies; a redirect is the answer."""
        return self._send(method, path, data=body, headers=headers)

    def form(self, path: str, button: str, values: Mapping[str, str] | None = None) -> Press:
        """Open a page, fill in the form that has this button, and return what presses it.

        Raises `NotOfferedError` if the page has no such live button.
        """
        page = self.open(path)
        for found in read_buttons(page.text, page.url):
            if found.label == button:
                sent = {**found.values, **(values or {})}
                return lambda: self._pressed(found.method, found.target, sent)
        raise NotOfferedError(button, page)

    def text(self, path: str) -> str:
        """Open a page and return its text as a person reads it."""
        return page_text(self.open(path).text)

    def arrive(self, path: str, query: Mapping[str, str]) -> str:
        """Come to a page from another site; return where the host sends the browser next.

        Cookies with SameSite=Strict stay behind, as RFC 6265bis §5.2 has it for such navigations.
        """
        strict = [cookie for cookie in self.cookies if is_strict(cookie)]
        for cookie in strict:
            self.cookies.clear(cookie.domain, cookie.path, cookie.name)
        try:
            return _next(self.get(path, query))
        finally:
            for cookie in strict:
                self.cookies.set_cookie(cookie)

    def open(self, path: str) -> requests.Response:
        """Load an address and follow the redirects within the host."""
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
        # Prepared without the session's cookies: requests would copy them into a jar that has its
        # own idea of where Secure cookies go.
        request = requests.Request(method, url, **content).prepare()
        request.prepare_cookies(self.cookies)
        # Only now: cookies are chosen by the Host header.
        request.headers.update(self.forged)
        answer = self._session.send(request, allow_redirects=False, timeout=_SECONDS)
        self.answers.append(answer)
        return answer


def _next(answer: requests.Response) -> str:
    return answer.headers.get("location", "")
