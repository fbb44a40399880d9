"""A browser at a WSGI application, without a server; each answer is held to PEP 3333."""

import io
import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


@dataclass
class Answer:
    status: int
    headers: list
    body: str

    def all(self, name):
        return [value for known, value in self.headers if known.lower() == name.lower()]

    def __getitem__(self, name):
        (value,) = self.all(name)
        return value

    @property
    def text(self):
        return " ".join(
            re.sub(r"<style>.*?</style>|<[^>]+>", " ", self.body, flags=re.DOTALL).split()
        )


class Visitor:
    """Keeps cookies by their name; `worker` stands in the environ, as a host's session would."""

    def __init__(self, app, worker=None):
        self.app, self.worker, self.cookies = app, worker, {}

    def open(self, address, method="GET", **environ):
        parts = urlsplit(address)
        given = {
            "REQUEST_METHOD": method,
            "PATH_INFO": parts.path.encode().decode("latin-1"),
            "QUERY_STRING": parts.query,
            "SCRIPT_NAME": "",
            "wsgi.errors": io.StringIO(),
            "erp.worker": self.worker,
        }
        if self.cookies:
            given["HTTP_COOKIE"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        given |= environ
        setup_testing_defaults(given)
        answer = self._call(given)
        for cookie in answer.all("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def _call(self, environ):
        started = []

        def start_response(status, headers, exc_info=None):
            started.append((status, headers))
            return lambda data: None

        found = validator(self.app)(environ, start_response)
        try:
            body = b"".join(found)
        finally:
            found.close()
        ((status, headers),) = started
        return Answer(int(status[:3]), headers, body.decode())

    def follow(self, address, **environ):
        """Open an address and go on as long as the host leads to itself."""
        answer = self.open(address, **environ)
        while answer.all("Location") and answer["Location"].startswith("/"):
            answer = self.open(answer["Location"], **environ)
        return answer
