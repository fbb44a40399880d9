"""A browser without a screen: follows the sign-in pages as a person would, over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

_MOST_PAGES = 12
_SECONDS = 10


class SignInError(Exception):
    """The pages ended without a way back to the client; `text` is what the last one says."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass
class Form:
    """A form of a page: where it goes, its values, and its buttons by their labels."""

    action: str
    method: str
    values: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)


class PageReader(HTMLParser):
    """Reads the forms and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.text: list[str] = []
        self._button: tuple[str, str] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms, fields and buttons."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get")))
        elif tag == "input" and self.forms and "name" in given:
            self.forms[-1].values[given["name"]] = given.get("value", "")
        elif tag == "button":
            self._button = given.get("name", ""), given.get("value", "")

    def handle_data(self, data: str) -> None:
        """Note the labels of buttons, and all text."""
        label = " ".join(data.split())
        if not label:
            return
        self.text.append(label)
        if self._button is not None and self.forms:
            self.forms[-1].buttons[label] = self._button
            self._button = None


class PlayedBrowser:
    """Signs in and answers the consent page."""

    def __init__(self, ca_file: Path, sites: Sequence[str]) -> None:
        self._sites = {urlsplit(site).netloc for site in sites}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def sign_in(self, url: str, username: str, password: str, *, consent: bool) -> dict[str, str]:
        """Return what the client's callback would get. Raises SignInError."""
        response = self._send("GET", url, {})
        for _ in range(_MOST_PAGES):
            if response.is_redirect:
                url = urljoin(response.url, response.headers["location"])
                if urlsplit(url).netloc not in self._sites:
                    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
                response = self._send("GET", url, {})
                continue
            page = PageReader(response.text)
            form, button = _next_click(page, consent=consent)
            if urlsplit(urljoin(response.url, form.action)).netloc not in self._sites:
                return form.values
            if "password" in form.values:
                if "alert" in response.text and form.values["username"] == username:
                    break
                form.values.update(username=username, password=password)
            name, value = form.buttons[button]
            values = {**form.values, **({name: value} if name else {})}
            response = self._send(form.method, urljoin(response.url, form.action), values)
        raise SignInError(" ".join(PageReader(response.text).text))

    def _send(self, method: str, url: str, values: dict[str, str]) -> requests.Response:
        return self._session.request(
            method, url, data=values or None, allow_redirects=False, timeout=_SECONDS
        )


def _next_click(page: PageReader, *, consent: bool) -> tuple[Form, str]:
    wanted = ("Sign in", "Yes" if consent else "No", "Return to the application", "Continue")
    for label in wanted:
        for form in page.forms:
            if label in form.buttons:
                return form, label
    raise SignInError(" ".join(page.text))
