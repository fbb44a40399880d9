"""A host over the simulator, the reference host in front of it, and what both write to logs."""

import re
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import requests
from salesorder_m365.demo.erp.database import Database
from salesorder_m365.demo.erp.host import DemoHost
from salesorder_m365.demo.erp.workers import PASSWORD
from salesorder_m365.demo.pages.app import build_app
from salesorder_m365.demo.pages.menus import ACCOUNTS, account_path
from salesorder_m365.demo.serving import HttpServer
from salesorder_m365.hooks import create_manager
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.simulator.serving import listen
from salesorder_m365.simulator.simulator import Simulator
from support.canaries import Everything, as_a_browser
from support.erp import Erp


@pytest.fixture(autouse=True)
def _browsers_are_not_overheard(monkeypatch):
    """What a browser's own HTTP library logs is no leak of ours."""
    sign_in = Simulator.sign_in

    def aside(*args, **options):
        with as_a_browser():
            return sign_in(*args, **options)

    monkeypatch.setattr(Simulator, "sign_in", aside)


@pytest.fixture
def erp(sim, settings_for):
    yield Erp(settings_for(sim))
    dispose_engines()


@pytest.fixture
def everything():
    """Every logger of the process at DEBUG, as a host with the worst settings would have them."""
    with Everything() as heard:
        yield heard


class Front(requests.Session):
    """A browser without a script in front of the reference host."""

    def __init__(self, url):
        super().__init__()
        self.trust_env = False
        self.url = url

    def request(self, method, url, **options):
        options |= {"allow_redirects": False, "timeout": 10}
        with as_a_browser():
            return super().request(method, self.url + url, **options)

    def csrf(self, page):
        return re.search(r'name="csrf" value="([^"]+)"', self.get(page).text)[1]

    def post_form(self, page, url, values=None, **options):
        return self.post(url, data={"csrf": self.csrf(page), **(values or {})}, **options)

    def leave(self, page):
        """Press Login on an account's page and open the ticket; return the answer."""
        return self.get(self.post_form(page, page + "/login").headers["location"])

    def come_back(self, callback, query):
        """Come back from Microsoft; return the answer at the address without the code."""
        back = self.get(callback, params=query)
        return self.get(back.headers["location"])

    def log_in(self, worker="admin"):
        return self.post_form("/login", "/login", {"worker": worker, "password": PASSWORD})

    def new_account(self, form):
        """Create an account and return the address of its page."""
        answer = self.post_form(ACCOUNTS + "/new/m365", ACCOUNTS + "/new/m365", form)
        return answer.headers["location"]


@pytest.fixture
def front(sim, settings_for, tmp_path):
    """Give the running reference host: `host`, `callback`, `browser(worker)`, `page_of(id)`."""
    stack = ExitStack()
    listener = listen(0, stack)
    url = f"http://localhost:{listener.getsockname()[1]}"
    database = Database(tmp_path / "erp.sqlite3")
    host = DemoHost(
        settings=settings_for(sim, base_url=url, database_url=database.url),
        plugins=create_manager(),
        database=database,
        session_key="a-session-key-of-the-tests",
    )
    sim.registration.redirect_uris.add(host.settings.redirect_uri)
    browsers = []

    def browser(worker="admin"):
        browsers.append(Front(url))
        browsers[-1].log_in(worker)
        return browsers[-1]

    with stack, HttpServer(build_app(host), listener):
        yield SimpleNamespace(
            host=host,
            database=database,
            callback=host.settings.callback_path,
            browser=browser,
            page_of=account_path,
        )
        for each in browsers:
            each.close()
    sim.registration.redirect_uris.discard(host.settings.redirect_uri)
    dispose_engines()
