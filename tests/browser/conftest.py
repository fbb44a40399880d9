"""Debian's Chromium in front of the whole demo: the reference host, the plugin, the simulator."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright
from salesorder_m365.demo.erp.workers import PASSWORD
from salesorder_m365.demo.server import Demo, Ports
from support.small_png import small_png

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
LOOKS = {
    "": (WIDE, "light"),
    "-dark": (WIDE, "dark"),
    "-narrow": (NARROW, "light"),
    "-narrow-dark": (NARROW, "dark"),
}
#: Pictures that stand in no page of the docs.
SEEN = Path(__file__).resolve().parents[1] / "screenshots"
AXE = Axe()
#: Every rule of WCAG 2.2 A and AA, and axe's best practices.
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: What axe has looked at in this run.
LOOKED_AT: list[str] = []
#: Notes which states of a stage the page has shown, beyond the reload that ends a test.
WATCH = """
const seen = new Set(JSON.parse(sessionStorage.getItem("seen") || "[]"));
new MutationObserver(() => {
  document.querySelectorAll("#live .stage").forEach((stage) => {
    seen.add(stage.className.replace("stage ", "") + " " + stage.dataset.stage);
  });
  sessionStorage.setItem("seen", JSON.stringify([...seen]));
}).observe(document, {subtree: true, childList: true, attributes: true});
"""


class Person:
    """Somebody at a browser, who finds things by the words on the page."""

    def __init__(self, page: Page, demo: Demo) -> None:
        self.page = page
        self.demo = demo

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        self.page.get_by_role("link", name=name, exact=True).click()

    def fill(self, **fields: str) -> None:
        for label, value in fields.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)

    def sees(self, *texts: str) -> None:
        for text in texts:
            # The same words may stand in something folded before.
            shown = self.page.get_by_text(text).filter(visible=True)
            expect(shown.first).to_be_visible()

    def log_in(self, worker: str = "admin") -> None:
        self.page.goto(self.demo.url)
        self.page.get_by_label(f"({worker})").check()
        self.fill(Password=PASSWORD)
        self.press("Log in")

    def open_accounts(self) -> None:
        self.page.get_by_role("navigation", name="Main").get_by_role("link", name="Setup").click()
        for menu in ("Configuration", "Email", "Mail Accounts"):
            self.page.get_by_role("main").get_by_role("link", name=menu).click()

    def add_account(
        self, sender: str = "sales@contoso.test", username: str = "", name: str = "Sales desk"
    ) -> None:
        self.open_accounts()
        self.page.get_by_text("Actions", exact=True).click()
        self.page.get_by_role("link", name="New Microsoft 365 Account (Corporate)").first.click()
        self.fill(Account_name=name, Sender_name="Sales Desk", Sender_email=sender)
        self.page.get_by_label("Use OAuth").check()
        self.fill(Username=username or sender)
        self.press("Save")
        self.sees("Saved. Now press Login to sign in with Microsoft.")

    def sign_in(self, username: str = "") -> None:
        """Fill in the simulator's sign-in page, as it stands or as somebody else."""
        if username:
            self.fill(Username=username)
        self.fill(Password=PASSWORD)
        self.press("Sign in")

    def connect(self) -> None:
        self.log_in()
        self.add_account()
        self.press("Login")
        self.sign_in()
        self.press("Yes")
        self.sees("Connected.")

    def test_connection(self) -> None:
        self.press("Test Connection")
        self.page.wait_for_url("**#connection")
        self.sees("No mail was sent.")

    def save_folders(self) -> None:
        self.folders().get_by_role("button", name="Save").click()
        self.sees("The folder mappings are saved.")

    def folders(self):
        """Default Folder Mappings on the account's page, where a script loads the dropdowns."""
        region = self.page.get_by_role("region", name="Default Folder Mappings")
        region.scroll_into_view_if_needed()
        expect(region.get_by_label("Inbox", exact=True)).to_be_visible()
        return region

    def look(self, name: str, *, taken: bool = True) -> None:
        """Look at the page as it is: narrow and wide, light and dark, and with axe's rules.

        With SCREENSHOTS=1 the pictures of the docs are taken.
        """
        for suffix, (size, scheme) in LOOKS.items():
            self.page.set_viewport_size(size)
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            beyond = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert self.page.evaluate(beyond) == 0, f"{name}{suffix} scrolls sideways"
            self._check(f"{name}{suffix}")
            if os.environ.get("SCREENSHOTS"):
                shown = taken and suffix != "-narrow-dark"
                self._keep((IMAGES if shown else SEEN) / f"{name}{suffix}.png")
        self.page.set_viewport_size(WIDE)
        self.page.emulate_media(color_scheme="light")

    def _check(self, name: str) -> None:
        found = AXE.run(self.page, options=RULES)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        LOOKED_AT.append(name)

    def _keep(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True, parents=True)
        blank = self.page.context.browser.new_page()
        path.write_bytes(small_png(blank, self.page.screenshot(full_page=True)))
        blank.close()


@pytest.fixture(scope="session", autouse=True)
def _pages_counted() -> Iterator[None]:
    yield
    pages = {re.sub("(-narrow)?(-dark)?$", "", name) for name in LOOKED_AT}
    print(f"\naxe: {len(pages)} pages, {len(LOOKED_AT)} looks, 0 violations")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists():
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with Demo(tmp_path / "state", Ports(host=0, browser=0, tls=0, imap=0, smtp=0)) as running:
        yield running


@pytest.fixture
def new_person(chromium: Browser, demo: Demo) -> Iterator[Callable[..., Person]]:
    """Give somebody at a browser of their own; scripts must not fail in it."""
    contexts, errors = [], []

    def make(**options: object) -> Person:
        context = chromium.new_context(viewport=WIDE, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_init_script(WATCH)
        return Person(page, demo)

    yield make
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def person(new_person: Callable[..., Person]) -> Person:
    return new_person()


@pytest.fixture
def tenant(demo: Demo) -> SimpleNamespace:
    """The switches of the simulator's tenant."""
    return demo.simulator.tenant
