"""A host that shares nothing with the reference host: WSGI, and pages that a script draws of JSON.

Its front is the adapter at the end: what a page's script would call.
"""

import json
import secrets
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl

from salesorder_m365.hooks.manager import create_manager
from salesorder_m365.hooks.spec import hookimpl
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.schemas.account import FormErrors


class SmallErp:
    """The host: `boss` may do everything, `guest` nothing."""

    def __init__(self, place):
        self.name = place.folder.name
        self.settings = place.settings
        self.plugins = create_manager()
        self.plugins.register(self)
        self.hook = self.plugins.hook
        self.log = []
        self.sessions = {}

    def allows(self, worker, permission, account_id):
        return worker == "boss"

    def now(self):
        return datetime.now(UTC)

    @hookimpl
    def salesorder_event(self, host, event):
        self.log.append((host.name, event.name))

    def app(self, environ, start_response):
        """Answer one request."""
        cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
        given = {name: cookie.value for name, cookie in cookies.items()}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        values = json.loads(body) if body else dict(parse_qsl(environ["QUERY_STRING"]))
        path = environ["PATH_INFO"]
        csrf = environ.get("HTTP_X_TOKEN") == given.get("token", secrets.token_hex())
        try:
            status, headers, answer = self.answer(path, values, given, csrf=csrf)
        except M365Error as err:
            status, headers, answer = 403, [], {"error": str(err)}
        start_response(f"{status} -", [("Content-Type", "application/json"), *headers])
        return [json.dumps(answer).encode()]

    def answer(self, path, values, given, *, csrf):
        who = {"host": self, "worker": self.sessions.get(given.get("session"), "")}
        if path == "/api/log-in":
            return self.log_in(values["worker"])
        if path == self.settings.callback_path:
            outcome = self.hook.salesorder_login_callback(
                **who, query=values, browser=given.get("mail", "")
            )
            return 303, [("Location", outcome.next_url if outcome else "/")], {}
        if not csrf:
            return 403, [], {"error": "The token is missing."}
        if path == "/api/accounts":
            return self.save(who, values)
        return self.login(who, path.rpartition("/")[2])

    def log_in(self, worker):
        session = secrets.token_urlsafe()
        self.sessions[session] = worker
        kept = f"session={session}; Path=/; HttpOnly; SameSite=Lax"
        token = f"token={secrets.token_urlsafe()}; Path=/; SameSite=Strict"
        return 200, [("Set-Cookie", kept), ("Set-Cookie", token)], {}

    def save(self, who, values):
        request_id = values.pop("request_id")
        saved = self.hook.salesorder_account_save(
            **who, kind="m365", account_id=None, values=values, request_id=request_id
        )
        wrong = isinstance(saved, FormErrors)
        return (422, [], dict(saved.errors)) if wrong else (200, [], {"id": saved.id})

    def login(self, who, account_id):
        browser = secrets.token_urlsafe()
        redirect = self.hook.salesorder_login_begin(
            **who, account_id=account_id, browser=browser, return_to="/"
        )
        kept = f"mail={browser}; HttpOnly; SameSite=Lax; Path={self.settings.callback_path}"
        return 200, [("Set-Cookie", kept)], {"url": redirect.url}


class SmallErpUnderTest:
    worker, stranger = "boss", "guest"

    def __init__(self, place):
        self.host = SmallErp(place)
        self.app = self.host.app
        self.tokens = {}

    def log_in(self, browser, worker):
        answer = browser.post("/api/log-in", json={"worker": worker})
        self.tokens[browser] = answer.cookies["token"]

    def account_form(self, browser, values):
        # The script draws the id with the form.
        sent = {**values, "request_id": secrets.token_hex(8)}
        return lambda: self.call(browser, "/api/accounts", sent)

    def login_button(self, browser, account_id):
        return lambda: self.call(browser, f"/api/login/{account_id}", {})

    def call(self, browser, path, sent):
        answer = browser.post(path, json=sent, headers={"X-Token": self.tokens[browser]})
        return answer.json().get("url", "")


host = SmallErpUnderTest
