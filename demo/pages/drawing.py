"""Pages from templates: escaped, strict about missing values, with a few filters."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from ...schemas.folders import ROLE_LABELS
from ...schemas.mail_address import same_address
from ...schemas.permission import SYSTEM
from ...schemas.report import CONSENT_LABEL, Actor, StageStatus
from ...schemas.view import STATE_LABELS
from ..erp.activity import tell
from ..erp.workers import ADMINISTRATOR, WORKERS
from . import mail_words
from .checklist import is_old
from .menus import ACCOUNTS, GENERIC, MENUS, STATUS, account_path, trail

if TYPE_CHECKING:
    from datetime import datetime

    from ...schemas.report import ConnectionReport

FOLDER = Path(__file__).parent

ACTORS = {
    Actor.WORKER: "You can do this",
    Actor.M365_ADMIN: "Your Microsoft 365 administrator must act",
    Actor.ERP_ADMIN: "The ERP administrator must act",
    Actor.NOBODY: "Nobody needs to act",
}
RECIPIENTS = {
    Actor.M365_ADMIN: "your Microsoft 365 administrator",
    Actor.ERP_ADMIN: "the ERP administrator",
}
STATUSES = {
    StageStatus.RUNNING: "Running",
    StageStatus.PASSED: "Passed",
    StageStatus.ACCEPTED: "Accepted, not proved",
    StageStatus.FAILED: "Failed",
    StageStatus.NOT_TRIED: "Not tried",
}
_WORDS = re.compile(r"(\s+)")
#: What may stand on a line of its own: up to a mark, and not for ever.
_PARTS = re.compile(r"[^@._+-]{0,24}[@._+-]|[^@._+-]{1,24}")
_WORK = {"imap": "Receiving", "smtp": "Sending"}
PROTOCOLS = {"token": "Token", "imap": "Receiving (IMAP)", "smtp": "Sending (SMTP)"}


def draw(template: str, status: int = 200, **values: Any) -> Response:
    """Return the page that ``templates/{template}.html`` makes of the values."""
    text = _environment().get_template(f"{template}.html").render(**values)
    return HTMLResponse(text, status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= mail_words.FILTERS
    environment.filters |= {
        "addresses": addresses,
        "moment": _moment,
        "old": is_old,
        "reference": _reference,
        "seconds": duration,
        "shared": _shared,
        "tell": tell,
        "verdict": verdict,
        "worker": _worker,
    }
    environment.globals |= mail_words.GLOBALS
    environment.globals |= {
        "account_path": account_path,
        "accounts_path": ACCOUNTS,
        "generic_path": GENERIC,
        "status_path": STATUS,
        "menus": MENUS,
        "actors": ACTORS,
        "administrator": ADMINISTRATOR,
        "consent_label": CONSENT_LABEL,
        "recipients": RECIPIENTS,
        "protocols": PROTOCOLS,
        "role_labels": ROLE_LABELS,
        "state_labels": STATE_LABELS,
        "statuses": STATUSES,
        "trail": trail,
    }
    return environment


def _moment(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M} {at.tzname()}"


def addresses(text: str) -> Markup:
    """Return a text whose mail addresses break between their parts only, in narrow columns."""
    return Markup("").join(
        _breakable(word) if "@" in word else escape(word) for word in _WORDS.split(text)
    )


def _breakable(word: str) -> Markup:
    parts = (escape(part) for part in _PARTS.findall(word))
    return Markup('<span class="address">{}</span>').format(Markup("<wbr>").join(parts))


def duration(seconds: float) -> str:
    """Return how long something took, as a person reads it."""
    if seconds < 0.001:
        return "< 1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


_ALL_WORKS = "Receiving and sending work."


def verdict(report: ConnectionReport) -> str:
    """Return in a sentence or two what works, and why the rest does not."""
    unproved = [f"{stage.label}: accepted, not proved." for stage in report.unproved]
    if report.passed:
        return " ".join(["Receiving works.", *unproved] if unproved else [_ALL_WORKS])
    proved = {s.protocol for s in report.stages} - {
        s.protocol for s in report.stages if s.status is not StageStatus.PASSED
    }
    works = [f"{words} works." for name, words in _WORK.items() if name in proved]
    told = [f"{found.title}." for found in report.findings]
    return " ".join([*works, *told, *unproved])


def _shared(report: ConnectionReport) -> bool:
    return not same_address(report.mailbox, report.signed_in_as)


def _reference(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _worker(name: str) -> str:
    if name == SYSTEM:
        return "the ERP itself"
    return WORKERS[name].label if name in WORKERS else name
