"""The story of a new administrator, typed into terminals: cd tests && python -m cli.story

Each session of docs/tutorial-administrator.md is one function here. Run as a program, it puts what
was typed and shown into the page; the test compares the two.
"""

import base64
import json
import re
import socket
import tempfile
from contextlib import ExitStack, suppress
from functools import partial
from itertools import groupby
from pathlib import Path

from cli.empty_venv import ROOT, build_wheel, environment, stock
from cli.terminal import READY, Terminal
from salesorder_m365.plugin.settings.reading import read_settings
from salesorder_m365.simulator import command as defaults
from salesorder_m365.simulator.browser import PlayedBrowser, SignInError
from salesorder_m365.simulator.identity.registration import CLIENT_ID
from salesorder_m365.simulator.tenant.people import PASSWORD

PAGE = ROOT / "docs" / "tutorial-administrator.md"
_BLOCK = re.compile(
    r"(?<=<!-- terminal: )(\w+)( -->\n```console\n)(.*?)(^```$)", re.DOTALL | re.MULTILINE
)
ERP = "http://localhost:8000"
_PORTS = ("port", "browser_port", "imap_port", "smtp_port")
#: What differs from run to run, and what the page shows instead: the first one, the second one …
_CHANGING = (
    (r"\bk\d{8}-[0-9a-f]{4}\b", ("k20270115-1f2e", "k20270312-9ab0")),
    (
        r"m365:[0-9a-f]{32}",
        ("m365:5e2c41d0a97b4f3c8a6e0d1b2c3f4a59", "m365:0b7d9c3e5f1a4826b3d0e7f6a1c25d48"),
    ),
    (r"(?<=Type    )\w{9}$", ("F7KQ2XHB9", "RZ4M8TQCW")),
)
#: Times, which differ too; the columns stay as wide as they are.
_TIMES = (
    (r"(?<=\S) \d+ ms", " 12 ms"),
    (r" {2,}\d+ ms", lambda found: "12 ms".rjust(len(found[0]))),
    (r"\b\d+\.\d s\b", "0.3 s"),
    (r"\d+ s (?:ahead of|behind) the", "0 s ahead of the"),
)


class Story:
    """One run, in a folder of its own; `sessions` holds what the page shows."""

    def __init__(self, folder, stack):
        self.folder, self.stack = folder, stack
        self.ports = dict(zip(_PORTS, _free_ports(), strict=True))
        self.sessions, self.aliases, self.secrets = {}, {}, []

    def tell(self):
        """Go from the installation to the end."""
        self.terminal = self._terminal()
        for name in SESSIONS:
            before = len(self.terminal.screen)
            shown = getattr(self, name)() or self.terminal.screen[before:]
            self.sessions[name] = self._tidied(shown)
        assert len(self.secrets) == 3
        assert not any(secret in self.terminal.screen for secret in self.secrets)
        return self.sessions

    def _terminal(self):
        terminal = Terminal(self.folder, environment(self.folder))
        self.stack.callback(terminal.close)
        return terminal

    def install(self):
        wheel = build_wheel(self.folder).name
        run = self.terminal.run
        run("python3 -m venv venv")
        stock(self.folder / "venv")
        run(". venv/bin/activate")
        assert "ERROR" not in run(f"pip install --quiet './{wheel}[demo]'")
        run("salesorder-m365 --version")

    def simulator(self):
        other = self._terminal()
        other.run(". venv/bin/activate")
        before = len(other.screen)
        options = " ".join(
            f"--{name.replace('_', '-')} {port}" for name, port in self.ports.items()
        )
        redirect = f"--redirect-uri {ERP}/mail/m365/callback"
        other.type(f"salesorder-m365 simulator --state sim {redirect} {options}")
        other.expect("CA certificate")
        other.expect("\n")
        state = json.loads((self.folder / "sim" / "state.json").read_text())
        self.secrets.append(state["client_secret"])
        return other.screen[before:]

    def setup(self):
        say, ask = self.terminal.type, self.terminal.expect
        say("salesorder-m365 setup")
        for question, answer in (
            ("erp.example.com: ", ERP),
            ("callback]: ", ""),
            ("[worldwide]: ", ""),
            ("of the tenant: ", "contoso.test"),
            ("(client) ID: ", CLIENT_ID),
            ("[secret]: ", ""),
            ("(not shown): ", self.secrets[0]),
            ("not known): ", "2099-06-30"),
            ("m365.db]: ", ""),
            ("[y/N]: ", "y"),
            ("localhost:8367: ", f"https://localhost:{self.ports['port']}"),
            ("host:port: ", f"localhost:{self.ports['imap_port']}"),
            ("host:port: ", f"localhost:{self.ports['smtp_port']}"),
            ("to trust: ", "sim/ca.pem"),
            ("proxy:3128: ", ""),
            ("[Y/n]: ", ""),
        ):
            ask(question)
            say(answer)
        ask(READY)

    def doctor(self):
        self.terminal.run("export SALESORDER_M365_CONFIG=$PWD/salesorder-m365.ini")
        self.terminal.run("stat -c %A salesorder-m365.ini")
        self.terminal.run("SALESORDER_M365_CALLBACK_PATH=/callback salesorder-m365 doctor")

    def add(self):
        self.terminal.type("salesorder-m365 accounts add")
        for question, answer in (
            ("Account name: ", "Sales"),
            ("Sender name: ", "Sales Desk"),
            ("Sender email: ", "sales@contoso.test"),
        ):
            self.terminal.expect(question)
            self.terminal.type(answer)
        self.terminal.expect(READY)
        shared = "--name Info --sender-name Information --sender-email info@contoso.test"
        self.terminal.run(f"salesorder-m365 accounts add {shared} --username sales@contoso.test")

    def login(self):
        self._login("Sales", "sales@contoso.test")
        self._login("Info", "sales@contoso.test")

    def _login(self, account, username):
        self.terminal.type(f"salesorder-m365 accounts login {account} --device")
        code = re.search(r"Type\s+(\w{9})", self.terminal.expect("gives up ..."))[1]
        authority = f"https://localhost:{self.ports['port']}"
        pages = f"http://127.0.0.1:{self.ports['browser_port']}"
        # The person, at any other device: the pages end there and lead nowhere.
        with (
            PlayedBrowser(self.folder / "sim" / "ca.pem", (authority, pages)) as browser,
            suppress(SignInError),
        ):
            url = f"{pages}/device?user_code={code}"
            browser.sign_in(url, username, PASSWORD, consent=True)
        assert "Connected" in self.terminal.expect(READY)

    def test(self):
        self.terminal.run("salesorder-m365 accounts test Sales")
        self.terminal.run("salesorder-m365 accounts test --all --at-once 1")
        self.terminal.run("salesorder-m365 accounts list")

    def folders(self):
        self.terminal.run("salesorder-m365 folders show Sales")
        self.terminal.run("salesorder-m365 folders map Sales --suggested")
        self.terminal.run('salesorder-m365 folders map Info --suggested "archive="')

    def keys(self):
        self.terminal.run("salesorder-m365 keys add")
        settings = read_settings({}, self.folder / "salesorder-m365.ini")
        self.secrets += [base64.b64encode(key.secret).decode() for key in settings.key_ring]
        self.terminal.run("salesorder-m365 keys check")
        self.terminal.run("salesorder-m365 keys rotate")
        self.terminal.run("salesorder-m365 keys check")

    def uninstall(self):
        self.terminal.run("salesorder-m365 accounts delete Sales --yes")
        self.terminal.run("salesorder-m365 accounts delete Info --yes")
        self.terminal.run("pip uninstall --yes --quiet salesorder-m365")
        self.terminal.run("rm salesorder-m365.ini m365.db*")
        assert not (self.folder / "venv" / "bin" / "salesorder-m365").exists()

    def _tidied(self, text):
        text = text.replace(READY, "").replace(str(self.folder), "/srv/erp")
        for name, port in self.ports.items():
            usual = str(getattr(defaults, name.upper()))
            text = text.replace(f" {_option(name)} {port}", "")
            text = text.replace(f":{port}", f":{usual}").replace(f"Port {port}.", f"Port {usual}.")
        for pattern, shown in _CHANGING:
            alias = partial(self._alias, shown)
            text = re.sub(pattern, alias, text, flags=re.MULTILINE)
        for pattern, shown in _TIMES:
            text = re.sub(pattern, shown, text)
        lines = text.removesuffix("$").strip().splitlines()
        return "$ " + "\n".join(_in_order(lines)) + "\n"

    def _alias(self, shown, found):
        known = self.aliases.setdefault(shown, [])
        if found[0] not in known:
            known.append(found[0])
        return shown[known.index(found[0])]


def _in_order(lines):
    """Sort the stages of IMAP and SMTP, which run side by side, by protocol."""
    protocol = re.compile(r". (imap|smtp) ")
    for is_stage, group in groupby(lines, key=lambda line: bool(protocol.match(line))):
        together = list(group)
        yield from sorted(together, key=lambda line: line[2:6]) if is_stage else together


SESSIONS = (
    "install",
    "simulator",
    "setup",
    "doctor",
    "add",
    "login",
    "test",
    "folders",
    "keys",
    "uninstall",
)


def _option(name):
    return f"--{name.replace('_', '-')}"


def _free_ports():
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in _PORTS]
        return [each.getsockname()[1] for each in sockets]


def told(folder):
    """Tell the story in `folder` and return its sessions."""
    with ExitStack() as stack:
        return Story(folder, stack).tell()


def sessions_of(text):
    """Return the sessions that the page shows, in its order."""
    return {name: content for name, _, content, _ in _BLOCK.findall(text)}


def filled(text, sessions):
    """Return the page with these sessions."""
    return _BLOCK.sub(lambda block: block[1] + block[2] + sessions[block[1]] + block[4], text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        PAGE.write_text(filled(PAGE.read_text("utf-8"), told(Path(place))), encoding="utf-8")
