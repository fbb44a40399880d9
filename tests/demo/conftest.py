"""The reference host over a plugin that answers with canned values: its pages alone are tested."""

import base64
import html
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import requests
from salesorder_m365.demo.erp.database import Database
from salesorder_m365.demo.erp.host import DemoHost
from salesorder_m365.demo.erp.workers import PASSWORD
from salesorder_m365.demo.pages.app import build_app
from salesorder_m365.demo.serving import HttpServer
from salesorder_m365.hooks import create_manager, hookimpl
from salesorder_m365.schemas.account import AccountForm
from salesorder_m365.schemas.folders import ROLE_LABELS, FolderChoice, FolderChoices, RoleChoice
from salesorder_m365.schemas.kinds import BUTTONS, corporate_kind
from salesorder_m365.schemas.report import Actor, ConnectionReport, Finding, Stage, StageStatus
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.schemas.signin import LoginCode, LoginOutcome, Redirect
from salesorder_m365.schemas.view import STATE_LABELS, AccountState, AccountView, ButtonState
from salesorder_m365.simulator.serving import listen

ACCOUNT = "m365:7"
AT = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
STAGES = {
    "token": ("Get a token",),
    "imap": (
        "Find the server",
        "Connect",
        "Secure the connection (TLS)",
        "Sign in",
        "Open the mailbox",
        "List the folders",
    ),
    "smtp": (
        "Find the server",
        "Connect",
        "Secure the connection (TLS)",
        "Sign in",
        "Send as sales@contoso.test",
    ),
}


class FakeMail:
    """Implements the hooks: gives `view`, `report`, `outcome`, `choices`, or raises `error`."""

    def __init__(self) -> None:
        self.view = self.new_view()
        self.report = self.new_report()
        self.outcome: LoginOutcome | None = None
        self.choices = self.new_choices()
        self.saved: object = None
        self.mapped: object = None
        self.error: Exception | None = None
        self.error_in = ""
        self.calls: list[tuple[str, dict]] = []
        #: Test Connection waits for it between the stages and the report.
        self.go_on = threading.Event()
        self.go_on.set()

    def called(self, name: str) -> dict:
        return next(values for called, values in reversed(self.calls) if called == name)

    def _note(self, name: str, **values: object) -> None:
        self.calls.append((name, values))
        if self.error is not None and self.error_in in ("", name):
            raise self.error

    # Values

    def new_view(self, state: str = "draft", **changes: object) -> AccountView:
        live = {"save", "login", "delete"} | (
            {"test", "folders", "disconnect"} if state == "connected" else set()
        )
        view = AccountView(
            id=ACCOUNT,
            kind="m365",
            values=AccountForm(
                account_name="Sales desk",
                sender_name="Sales Desk",
                sender_email="sales@contoso.test",
                use_oauth=True,
                username="sales@contoso.test",
            ),
            state=AccountState(state),
            state_label=STATE_LABELS[AccountState(state)],
            mailbox="sales@contoso.test",
            signed_in_as="sales@contoso.test" if state == "connected" else None,
            signed_in_at=AT if state == "connected" else None,
            buttons=tuple(
                ButtonState(
                    name=b.name,
                    label=b.label,
                    primary=b.primary,
                    enabled=b.name in live,
                    reason="" if b.name in live else "Press Login first.",
                )
                for b in BUTTONS
            ),
            folders=(),
            finding=None,
            report=None,
        )
        return replace(view, **changes)

    def new_finding(self, **changes: object) -> Finding:
        finding = Finding(
            code="smtp_auth_disabled",
            title="Sending is switched off in your organization",
            what="Exchange Online refused the sign-in to the sending server.",
            cause="SMTP AUTH is off for the whole organization.",
            steps=(
                "Open the Exchange admin center.",
                "Go to Settings > Mail flow, clear “Turn off SMTP AUTH protocol for your org…”.",
                "Save, wait a few minutes and press Test Connection again.",
            ),
            actor=Actor.M365_ADMIN,
            server_words="535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is"
            " disabled for the Tenant.",
            commands=("Set-TransportConfig -SmtpClientAuthenticationDisabled $false",),
            references={"Correlation ID": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"},
            links={"Exchange admin center": "https://admin.exchange.microsoft.com/"},
        )
        return replace(finding, **changes)

    def stages(self, broken: tuple[str, int] | None = None) -> tuple[Stage, ...]:
        return tuple(
            self._stage(protocol, number, label, broken)
            for protocol, labels in STAGES.items()
            for number, label in enumerate(labels)
        )

    def _stage(self, protocol: str, number: int, label: str, broken: object) -> Stage:
        status, seconds = StageStatus.PASSED, 0.012 * (number + 1)
        if broken and broken[0] == protocol and number >= broken[1]:
            failed = number == broken[1]
            status = StageStatus.FAILED if failed else StageStatus.NOT_TRIED
            seconds = 1.25 if failed else None
        return Stage(
            protocol=protocol,
            name=f"{protocol}{number}",
            label=label,
            status=status,
            seconds=seconds,
            detail="11 folders" if label == "List the folders" else "",
        )

    def new_report(self, broken: tuple[str, int] | None = None) -> ConnectionReport:
        return ConnectionReport(
            account_id=ACCOUNT,
            started_at=AT,
            seconds=0.42,
            passed=broken is None,
            mailbox="sales@contoso.test",
            signed_in_as="sales@contoso.test",
            sender="sales@contoso.test",
            stages=self.stages(broken),
            findings=(self.new_finding(),) if broken else (),
        )

    def new_choices(self, **changes: RoleChoice) -> FolderChoices:
        folders = (
            ("INBOX", "Inbox", 0),
            ("Drafts", "Drafts", 0),
            ("Projects", "Projects", 0),
            ("Projects/2026", "2026", 1),
            ("Sent Items", "Sent Items", 0),
        )
        suggested = {"inbox": "INBOX", "drafts": "Drafts", "sent": "Sent Items"}
        return FolderChoices(
            account_id=ACCOUNT,
            folders=tuple(
                FolderChoice(
                    path=path,
                    label=label,
                    full_label=path.replace("/", " / "),
                    depth=depth,
                    selectable=path != "Projects",
                )
                for path, label, depth in folders
            ),
            roles=tuple(
                changes.get(role.value)
                or RoleChoice(
                    role=role,
                    label=label,
                    mapped=None,
                    suggested=suggested.get(role.value),
                    reason="attribute" if role.value in suggested else "",
                )
                for role, label in ROLE_LABELS.items()
            ),
        )

    def new_outcome(self, code: str, **changes: object) -> LoginOutcome:
        outcome = LoginOutcome(
            code=LoginCode(code),
            account_id=ACCOUNT,
            next_url="/setup/configuration/email/mail-accounts/" + ACCOUNT,
            message="This is how it ended.",
        )
        return replace(outcome, **changes)

    # Hooks

    @hookimpl
    def salesorder_account_kinds(self):
        return [corporate_kind()]

    @hookimpl
    def salesorder_account_view(self, host, account_id, worker):
        self._note("view", account_id=account_id, worker=worker)
        return self.view if account_id == ACCOUNT else None

    @hookimpl
    def salesorder_account_list(self, host, worker):
        self._note("list", worker=worker)
        return [self.view] if self.view else []

    @hookimpl
    def salesorder_account_save(self, host, kind, account_id, values, worker, request_id):
        self._note("save", account_id=account_id, values=dict(values), request_id=request_id)
        return self.saved or self.view

    @hookimpl
    def salesorder_account_delete(self, host, account_id, worker):
        self._note("delete", account_id=account_id)
        return True

    @hookimpl
    def salesorder_login_ticket(self, host, account_id, worker, return_to, purpose):
        self._note(purpose, account_id=account_id, worker=worker, return_to=return_to)
        return f"/mail/m365/login?ticket=fake:{purpose}"

    @hookimpl
    def salesorder_ticket_open(self, host, ticket, worker, browser):
        self._note("open", ticket=ticket, worker=worker, browser=browser)
        way = "adminconsent?client_id=c&state=s" if "consent" in ticket else "authorize?state=s"
        return Redirect(url=f"https://login.example.com/{way}")

    @hookimpl
    def salesorder_login_callback(self, host, query, worker, browser):
        self._note("callback", query=dict(query), worker=worker, browser=browser)
        return self.outcome

    @hookimpl
    def salesorder_disconnect(self, host, account_id, worker):
        self._note("disconnect", account_id=account_id)
        return self.view

    @hookimpl
    def salesorder_test_connection(self, host, account_id, worker, progress):
        self._note("test", account_id=account_id)
        for stage in self.report.stages if progress else ():
            progress(replace(stage, status=StageStatus.RUNNING, seconds=None, detail=""))
            progress(stage)
        self.go_on.wait(10)
        self.view = replace(self.view, report=self.report)
        return self.report

    @hookimpl
    def salesorder_folder_choices(self, host, account_id, worker):
        self._note("choices", account_id=account_id)
        return self.choices

    @hookimpl
    def salesorder_folder_map(self, host, account_id, mapping, worker):
        self._note("map", mapping=dict(mapping))
        return self.mapped or self.view


class Worker(requests.Session):
    """A browser without a script: follows links by address, posts forms with their token."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.trust_env = False
        self.base_url = base_url

    def request(self, method, url, **options):
        return super().request(method, self.base_url + url, timeout=10, **options)

    def post_form(self, page: str, url: str, values: dict | None = None, **options):
        """Load `page` for its CSRF token, then post to `url` and do not follow."""
        token = re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)[1]
        data = {"csrf": token, **(values or {})}
        return self.post(url, data=data, allow_redirects=False, **options)

    def leave(self, page: str, button: str):
        """Press Login, or the consent's button, and open the ticket."""
        return self.get(self.post_form(page, button).headers["location"], allow_redirects=False)

    def log_in(self, worker: str = "admin", password: str = PASSWORD):
        return self.post_form("/login", "/login", {"worker": worker, "password": password})


@pytest.fixture
def mail() -> FakeMail:
    return FakeMail()


@pytest.fixture(scope="session")
def server() -> Iterator[SimpleNamespace]:
    """One HTTP server for all tests; each puts an `app` of its own behind it."""
    running = SimpleNamespace(app=None)

    async def current(scope, receive, send):
        await running.app(scope, receive, send)

    with ExitStack() as stack:
        listener = listen(0, stack)
        running.url = f"http://localhost:{listener.getsockname()[1]}"
        stack.enter_context(HttpServer(current, listener))
        yield running


@pytest.fixture
def erp(mail, server, tmp_path) -> SimpleNamespace:
    """Give the running host: `url`, `host`, and `visit()` for a new browser."""
    plugins = create_manager(load=False)
    plugins.register(mail)
    database = Database(tmp_path / "erp.sqlite3")
    settings = load_settings(
        {
            "tenant": "contoso.test",
            "client_id": "00000000-0000-4000-8000-000000000001",
            "client_secret": secrets.token_hex(8),
            "base_url": server.url,
            "database_url": database.url,
            "key_ring": "k:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        }
    )
    host = DemoHost(
        settings=settings, plugins=plugins, database=database, session_key=secrets.token_hex(16)
    )
    server.app = build_app(host, panel="http://127.0.0.1:1")
    return SimpleNamespace(url=server.url, host=host, visit=lambda: Worker(server.url))


@pytest.fixture
def admin(erp) -> Iterator[Worker]:
    with erp.visit() as visitor:
        visitor.log_in()
        yield visitor


@pytest.fixture
def anybody(erp) -> Iterator[Worker]:
    with erp.visit() as visitor:
        yield visitor


@pytest.fixture
def text_of() -> Callable[[requests.Response], str]:
    """Return a page's text as a person reads it: no tags, no entities, single blanks."""

    def read(response: requests.Response) -> str:
        # Addresses are wrapped, with places to break in them.
        inside = r'(?s)<span class="address">((?:(?!</span>).)*)</span>'
        whole = re.sub(inside, r"\1", response.text)
        bare = re.sub(r"(?s)<(script|template)\b.*?</\1>|<[^>]+>", " ", whole.replace("<wbr>", ""))
        return re.sub(r"\s+", " ", html.unescape(bare))

    return read
