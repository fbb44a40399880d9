"""Folders named to attack, M14: pages, logs and terminals, and programs that decode the names."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from salesorder_m365.demo.pages.drawing import draw
from salesorder_m365.schemas.folders import FolderChoices, Role

from . import mail_scripts as scripts
from .bench import Bench
from .mail_ground import Meeting, left_open, mail_fault, tested
from .registry import Facts

_MALFORMED = [b'"&A"', b'"A&B"', b'"&2AA-"', b'"&AP8"', b'"\xff\xfe"']
_MARKUP = [
    b'"<script>alert(1)</script>"',
    b'"\\"><img src=x onerror=alert(1)>"',
    b'"&ADw-svg/onload=alert(1)>"',
    b'"{{ 7777*7777 }}"',
]
#: What a page holds in which one of them worked.
_WORKED = ("<script>a", "<img", "<svg", "60481729")
_CONTROLS = [
    b"\x1b]0;owned\x07",  # a terminal's title
    b"\x1b[2J\x1b[31m",
    b"a\r\n2026-01-01 ERROR forged",
    b"a\r\nx DELETE INBOX",
    b"\x00",
]
_ENCODED_CONTROLS = [b'"&ABs-[2J"', b'"&AA0ACg-forged"', b'"&AJs-31m"', b'"&IC4-fdp.exe"']


def _lines(names: list[bytes]) -> bytes:
    return b"".join(b'* LIST () "/" ' + name + b"\r\n" for name in names)


def _literals(names: list[bytes]) -> list[bytes]:
    return [b"{%d}\r\n" % len(name) + name for name in names]


class _Log(logging.Handler):
    """Keeps what our own loggers say."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Keep what our own loggers say, even where logging is switched off."""
    logger, handler = logging.getLogger("salesorder_m365"), _Log()
    disabled = logging.root.manager.disable
    logging.disable(logging.NOTSET)
    with patch.object(logger, "handlers", [handler]), patch.object(logger, "propagate", False):
        try:
            yield handler.lines
        finally:
            logging.disable(disabled)


def _page(choices: FolderChoices) -> str:
    """Return the reference host's page of these folders."""
    response = draw(
        "folders",
        session=SimpleNamespace(csrf="", worker=""),
        notice=None,
        view=SimpleNamespace(
            id=choices.account_id, mailbox="", values=SimpleNamespace(account_name="")
        ),
        choices=choices,
        labels={},
        errors={},
        chosen=dict.fromkeys(Role, ""),
    )
    return bytes(response.body).decode()


def _shown(bench: Bench, names: list[bytes]) -> dict[str, Any]:
    """Let a mailbox have folders of these names, and look at all that is made of them."""
    meeting = Meeting(bench, "imap")
    # The line that is no answer must leave a trace in the log: it shows that the log is read.
    answers = _lines([b"INBOX", *names]) + b"* LIST nonsense\x1b[2J\r\n"
    port = meeting.serve_until("folders", scripts.lists(answers))
    erp = bench.host(**meeting.settings(port))
    with _listening() as said:
        choices = erp.choices(bench.account)
        report = tested(erp, bench)
    page = _page(choices)
    shown = [text for f in choices.folders for text in (f.label, f.full_label)]
    shown += [stage.detail for stage in report.stages]
    return {
        "test": "green" if report.passed else "RED",
        "unreadable": sum(folder.malformed for folder in choices.folders),
        "not to be chosen": sum(not folder.selectable for folder in choices.folders),
        "controls in labels": sum(not text.isprintable() for text in shown),
        "markup in the page": sum(page.count(tag) for tag in _WORKED),
        "log": f"read, {sum(not line.isprintable() for line in said)} controls"
        if said
        else "NOT READ",
        "left open": left_open(port),
        "next call": "green" if tested(bench.erp, bench).passed else "FAILS",
    }


_HARMLESS = {
    "test": "green",
    "controls in labels": 0,
    "markup in the page": 0,
    "log": "read, 0 controls",
    "left open": 0,
    "next call": "green",
}
#: what, names, how many cannot be read, how many cannot be said back to a server
_ATTACKS = [
    ("names that are no modified UTF-7", _MALFORMED, 5, 1),
    ("names that attack the page", _MARKUP, 0, 0),
    ("names that attack logs and terminals", _literals(_CONTROLS), 5, 5),
    ("the same, encoded", _ENCODED_CONTROLS, 0, 0),
    ("a name of a megabyte", _literals([b"x" * 1024 * 1024]), 1, 1),
]


def _register(did: str, names: list[bytes], unreadable: int, unspeakable: int) -> None:
    expected = {**_HARMLESS, "unreadable": unreadable, "not to be chosen": unspeakable}

    @mail_fault("M14", "imap", did, expected)
    def run(bench: Bench) -> Facts:
        return _shown(bench, names)


for _attack in _ATTACKS:
    _register(*_attack)
