"""A host that shares nothing with the reference host: WSGI, and pages that a script draws of JSON.

Its front is the adapter at the end: what a page's script would call.
"""

import json
import runpy
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl

from salesorder_m365.hooks import create_manager, hookimpl
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.schemas.account import FormErrors

TEACHING = Path(__file__).parents[1] / "hooks" / "test_teaching_host.py"
#: The callback's address holds a code: no page may pass it on or be kept.
QUIET = [("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store")]


@dataclass
class Session:
    worker: str
    browser: str


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
        self.settings = host.settings
        self.hook = host.plugins.hook
        self.sessions = {}
        self.said = {}

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
        who = {"host": self.host, "worker": self.session(given).worker}
        if path == "/api/log-in":
            return self.log_in(values["worker"])
        if path == self.settings.callback_path:
            outcome = self.hook.salesorder_login_callback(
                **who, query=values, browser=given.get("mail", "")
            )
            steps = outcome.finding.steps if outcome and outcome.finding else ()
            if outcome:
                self.said[given.get("session")] = " ".join([outcome.message, *steps])
            return 303, [("Location", outcome.next_url if outcome else "/"), *QUIET], {}
        if path == "/api/said":
            return 200, [], {"said": self.said.pop(given.get("session"), "")}
        if not csrf:
            return 403, [], {"error": "The token is missing."}
        _, _, name, account_id = path.split("/")
        return self.act(name, {**who, "account_id": account_id or None}, values, given)

    def act(self, name, who, values, given):
        """Do what a page's script asks for: ``/api/NAME/ACCOUNT``."""
        if name == "save":
            return self.save(who, values)
        if name == "login":
            return self.login(who, given)
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
        # The browser's value is the session's: two tabs with a sign-in each do not undo each other.
        self.sessions[session] = Session(worker, secrets.token_urlsafe())
        kept = f"session={session}; Path=/; HttpOnly; SameSite=Lax"
        token = f"token={secrets.token_urlsafe()}; Path=/; SameSite=Strict"
        return 200, [("Set-Cookie", kept), ("Set-Cookie", token)], {}

    def save(self, who, values):
        request_id = values.pop("request_id")
        saved = self.hook.salesorder_account_save(
            **who, kind="m365", values=values, request_id=request_id
        )
        wrong = isinstance(saved, FormErrors)
        return (422, [], dict(saved.errors)) if wrong else (200, [], {"id": saved.id})

    def login(self, who, given):
        browser = self.session(given).browser
        redirect = self.hook.salesorder_login_begin(**who, browser=browser, return_to="/")
        kept = f"mail={browser}; HttpOnly; SameSite=Lax; Path={self.settings.callback_path}"
        headers = [("Set-Cookie", kept), *redirect.headers.items()]
        return 200, headers, {"url": redirect.url}

    def session(self, given):
        return self.sessions.get(given.get("session"), Session("", ""))


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
        return browser.get("/api/said").json()["said"]

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
