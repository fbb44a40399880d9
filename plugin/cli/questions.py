"""The questions of ``setup``, each asked until the settings' schema takes the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import click

from .asking import answered, confirmed
from .keys import new_key
from .registration import steps

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOUDS = ("worldwide", "gcc_high", "dod", "china")
_KEEP = "; leave it empty to keep the present one"
#: Asked for only if wanted: where other servers than Microsoft's are, or the way to them.
_ELSEWHERE = {
    "authority": "Sign-in server, such as https://localhost:8367",
    "imap": "IMAP server, as host:port",
    "smtp": "SMTP server, as host:port",
    "ca_file": "PEM file of the certificate authority to trust",
}
_PROXY = "Proxy for the sign-in server, such as http://proxy:3128"
#: The password in an address: //user:password@server.
_PASSWORD = re.compile(r"(?<=//)([^:/@]*):[^@/]*@")
_ELSEWHERE_QUESTION = "Other servers than Microsoft's, a proxy, or a certificate authority?"
_PATHS = frozenset({"client_certificate", "ca_file"})
#: What is asked for here; a file's other settings are kept as they are.
_OURS = frozenset(
    {
        *("base_url", "callback_path", "cloud", "tenant", "client_id", "client_secret"),
        *("client_secret_expires", "client_certificate", "database_url", "key_ring"),
        *_ELSEWHERE,
        "proxy",
    }
)


@dataclass
class Questions:
    """The dialogue; `before` are the present values, which are offered again."""

    before: Mapping[str, str]

    def all(self) -> dict[str, str]:
        """Ask everything; return the file's values in its order."""
        values = self._erp()
        redirect_uri = values["base_url"].rstrip("/") + values["callback_path"]
        click.echo("\n2. The registration in Microsoft Entra\n")
        for line in steps(redirect_uri, values["cloud"]):
            click.echo(f"  {line}".rstrip())
        click.echo("\n3. What Entra shows\n")
        values |= self._registration()
        click.echo("\n4. This computer\n")
        values |= self._server()
        # What is not asked for stays: time-outs, domains, secrets in files of their own.
        gone = _OURS | ({"client_secret_file"} if "client_certificate" in values else set())
        kept = {name: text for name, text in self.before.items() if name not in gone}
        return {**{name: text for name, text in values.items() if text}, **kept}

    def _erp(self) -> dict[str, str]:
        click.echo("1. The ERP\n")
        return {
            "base_url": self._ask(
                "base_url", "Its public address, such as https://erp.example.com"
            ),
            "callback_path": self._ask(
                "callback_path", "Path of its callback route", "/mail/m365/callback"
            ),
            "cloud": self._ask("cloud", f"Microsoft's cloud: {', '.join(CLOUDS)}", "worldwide"),
        }

    def _registration(self) -> dict[str, str]:
        values = {
            "tenant": self._ask("tenant", "Directory (tenant) ID, or a domain of the tenant"),
            "client_id": self._ask("client_id", "Application (client) ID"),
        }
        kept = "certificate" if "client_certificate" in self.before else "secret"
        kinds = click.Choice(["secret", "certificate"])
        question = "How the ERP proves itself"
        kind = answered(
            lambda: click.prompt(question, type=kinds, default=kept),
            question,
            "the answer on standard input",
        )
        if kind == "certificate":
            label = "PEM file with certificate and private key"
            return values | {"client_certificate": self._ask("client_certificate", label)}
        if "client_secret_file" not in self.before:
            values["client_secret"] = self._ask_unseen("client_secret", "Client secret's Value")
        label = "Day on which it expires, such as 2027-06-30 (empty: not known)"
        return values | {"client_secret_expires": self._ask("client_secret_expires", label, "")}

    def _server(self) -> dict[str, str]:
        values = {}
        if "database_url_file" not in self.before:
            here = f"sqlite:///{Path.cwd() / 'm365.db'}"
            values["database_url"] = self._ask_address("database_url", "Database", here)
        if "key_ring_file" not in self.before:
            values["key_ring"] = self.before.get("key_ring") or new_key()
        elsewhere = bool({*_ELSEWHERE, "proxy", "proxy_file"} & self.before.keys())
        if confirmed(_ELSEWHERE_QUESTION, option="the answer on standard input", default=elsewhere):
            click.echo("Leave empty what does not apply; - takes a present value away.")
            values |= {name: self._ask(name, label, "") for name, label in _ELSEWHERE.items()}
            if "proxy_file" not in self.before:
                values["proxy"] = self._ask_address("proxy", _PROXY, "")
        return values

    def _ask(self, name: str, label: str, default: str | None = None) -> str:
        """Ask until the answer is one that the settings' schema takes."""
        return _prompt(
            name,
            label,
            default=self.before.get(name, default),
            show_default=bool(self.before.get(name, default)),
        )

    def _ask_address(self, name: str, label: str, default: str) -> str:
        """Ask for an address that may hold a password, which is asked for by itself, unseen."""
        present = self.before.get(name, default)
        shown = _PASSWORD.sub(r"\1:***@", present)
        answer = _prompt(
            name,
            f"{label} [{shown}]" if shown else label,
            default=present,
            show_default=False,
        )
        user = urlsplit(answer).username
        if not user or urlsplit(answer).password is not None:
            return answer
        password = click.prompt(
            f"Password of {user} (not shown; empty: none)",
            default="",
            show_default=False,
            hide_input=True,
        )
        after = f"{user}:{quote(password, safe='')}@" if password else f"{user}@"
        return answer.replace(f"{user}@", after, 1)

    def _ask_unseen(self, name: str, label: str) -> str:
        present = self.before.get(name)
        return _prompt(
            name,
            f"{label} (not shown{_KEEP if present else ''})",
            default=present,
            show_default=False,
            hide_input=True,
        )


def _prompt(name: str, label: str, **how: Any) -> str:
    """Ask until the answer is one that the settings' schema takes."""
    instead = f"the setting {name} in a file, or as SALESORDER_M365_{name.upper()}"
    answer: str = answered(
        lambda: click.prompt(label, value_proc=lambda text: _checked(name, text), **how),
        label,
        instead,
    )
    return answer


def _checked(name: str, text: str) -> str:
    """Return the trimmed answer; a wrong one raises what makes click ask again."""
    from ...schemas.settings import SettingsSchema  # noqa: PLC0415 - see `common`
    from ...schemas.spelling import trimmed  # noqa: PLC0415

    text = trimmed(text)
    text = "" if text == "-" else text
    if text and name in _PATHS:
        text = str(Path(text).expanduser().absolute())  # the ERP starts somewhere else
    wrong = SettingsSchema().validate({name: text}).get(name, []) if text else []
    if not wrong and name == "client_secret_expires" and text:
        wrong = _past(text)
    if wrong:
        raise click.BadParameter(" ".join(map(str, wrong)))
    return text


def _past(text: str) -> list[str]:
    # Only here: a host whose secret expired yesterday must still start and say so.
    if date.fromisoformat(text) >= datetime.now(UTC).date():
        return []
    return ["This day is past: make a new client secret in Entra, and give the day it expires."]
