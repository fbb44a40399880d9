"""A host that shares nothing with the reference host: WSGI, and pages that a script draws of JSON.

Its front is the adapter at the end: what a page's script would call. Its session cookie is
SameSite=Strict, so a sign-in comes back without it, and the pages of the routes tell its end.
"""

import json
import runpy
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl

from salesorder_m365.hooks import create_manager, hookimpl
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.schemas.account import FormErrors
from salesorder_m365.web import create_app

TEACHING = Path(__file__).parents[1] / "hooks" / "test_teaching_host.py"


class SmallErp:
    """The host: `boss` may do everything, `guest` nothing."""

    def __init__(self, place):
        self.name = place.folder.name
        self.settings = place.settings
        self.plugins = create_manager()
        self.plugins.register(self)
        self.log = []

    def allows(self, worker, permission, account_id):
        return worker == "boss"

    def now(self):
        return datetime.now(UTC)

    @hookimpl
    def salesorder_event(self, host, event):
        self.log.append((host.name, event.name))


class Front:
    """What the pages' scripts call, for any host object."""

    def __init__(self, host):
        self.host = host
        self.hook = host.plugins.hook
        self.sessions = {}
        self.mail_routes = create_app(lambda environ: host, self.worker_of)

    def worker_of(self, environ):
        return self.sessions.get(cookies_of(environ).get("session"))

    def app(self, environ, start_response):
        """Answer one request."""
        if environ["PATH_INFO"].startswith("/mail/m365/"):
            return self.mail_routes(environ, start_response)
        given = cookies_of(environ)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        values = json.loads(body) if body else dict(parse_qsl(environ["QUERY_STRING"]))
        path = environ["PATH_INFO"]
        csrf = environ.get("HTTP_X_TOKEN") == given.get("token", secrets.token_hex())
        try:
            status, headers, answer = self.answer(path, values, self.worker_of(environ), csrf=csrf)
        except M365Error as err:
            status, headers, answer = 403, [], {"error": str(err)}
        start_response(f"{status} -", [("Content-Type", "application/json"), *headers])
        return [json.dumps(answer).encode()]

    def answer(self, path, values, worker, *, csrf):
        if path == "/api/log-in":
            return self.log_in(values["worker"])
        if not (csrf and worker):
            return 403, [], {"error": "The token is missing."}
        _, _, name, account_id = path.split("/")[-4:]
        return self.act(
            name, {"host": self.host, "worker": worker, "account_id": account_id or None}, values
        )

    def act(self, name, who, values):
        """Do what a page's script asks for: ``/api/NAME/ACCOUNT``."""
        if name == "save":
            return self.save(who, values)
        if name == "login":
            ticket = self.hook.salesorder_login_ticket(**who, return_to="/", purpose="login")
            return 200, [], {"url": ticket}
        if name == "folders":
            self.hook.salesorder_folder_map(**who, mapping=values)
        elif name == "test":
            self.hook.salesorder_test_connection(**who, progress=None)
        else:
            hooks = {"disconnect": "salesorder_disconnect", "delete": "salesorder_account_delete"}
            getattr(self.hook, hooks[name])(**who)
        return 200, [], {}

    def log_in(self, worker):
        session = secrets.token_urlsafe()
        self.sessions[session] = worker
        kept = f"session={session}; Path=/; HttpOnly; SameSite=Strict"
        token = f"token={secrets.token_urlsafe()}; Path=/; SameSite=Strict"
        return 200, [("Set-Cookie", kept), ("Set-Cookie", token)], {}

    def save(self, who, values):
        request_id = values.pop("request_id")
        saved = self.hook.salesorder_account_save(
            **who, kind="m365", values=values, request_id=request_id
        )
        wrong = isinstance(saved, FormErrors)
        return (422, [], dict(saved.errors)) if wrong else (200, [], {"id": saved.id})


def cookies_of(environ):
    cookies = SimpleCookie(environ.get("HTTP_COOKIE", ""))
    return {name: cookie.value for name, cookie in cookies.items()}


class SmallErpUnderTest:
    worker, stranger = "boss", "guest"

    def __init__(self, place):
        self.host = self.new_host(place)
        self.app = Front(self.host).app
        self.tokens = {}

    def new_host(self, place):
        return SmallErp(place)

    def log_in(self, browser, worker):
        answer = browser.post("/api/log-in", json={"worker": worker})
        self.tokens[browser] = answer.cookies["token"]

    def account_form(self, browser, values):
        # The script draws the id with the form.
        sent = {**values, "request_id": secrets.token_hex(8)}
        return lambda: self.call(browser, "/api/save/", sent)

    def button(self, browser, account_id, name, values):
        sent = dict(values)
        if name == "save":
            who = {"host": self.host, "account_id": account_id, "worker": self.worker}
            stored = asdict(self.host.plugins.hook.salesorder_account_view(**who).values)
            sent = {**stored, **values, "request_id": secrets.token_hex(8)}
        return lambda: self.call(browser, f"/api/{name}/{account_id}", sent)

    def read(self, browser, path):
        return browser.text(path)

    def call(self, browser, path, sent):
        answer = browser.post(path, json=sent, headers={"X-Token": self.tokens[browser]})
        return answer.json().get("url", "")


class TeachingHostUnderTest(SmallErpUnderTest):
    """The host of docs/host.md, as it stands there, behind the same pages."""

    worker, stranger = "administrator", "guest"

    def new_host(self, place):
        # By its path: the package's own folder is called hooks, too.
        module = runpy.run_path(str(TEACHING))
        host = module["Erp"](place.settings)
        # It has one database; an ERP of many needs a name for each.
        host.name = place.folder.name
        return host


host = SmallErpUnderTest
teaching_host = TeachingHostUnderTest
