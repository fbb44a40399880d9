"""Answers without end, M14: a cap is hit, and memory stays as it was."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary, finalize

from support.loopback import Conversation

from . import mail_scripts as scripts
from .bench import TESTS, Bench, Lab
from .figures import LATE, MEMORY, note
from .mail_ground import GRACE, Meeting, left_open, mail_fault
from .registry import Facts

#: Megabytes.
_MOST_GROWN = 50
_BOUNDED = f"grew by less than {_MOST_GROWN} MB"
_TIMEOUT = 20.0
_LINE = b"x" * 1000
_BIG = 7_000_000  # just below what one operation may receive


def _literal(size: bytes) -> scripts.Script:
    return scripts.says(b'* LIST () "/" {' + size + b"}\r\n")


def _refuses(conversation: Conversation) -> None:
    """Greet with a line that takes minutes to search, and refuse what is asked then."""
    conversation.send(b"* OK " + b"[CAPABILITY " * 40_000 + b"\r\n")
    conversation.line()
    conversation.send(scripts.tag(conversation) + b" BAD no\r\n")


#: protocol, what, at, then, finding, stage
_ENDLESS = [
    ("imap", "an endless list", "folders",
     scripts.repeats(b'* LIST () "/" "' + _LINE + b'"\r\n'), "too_much_data", "mailbox"),
    ("imap", "an endless line", "folders", scripts.repeats(_LINE), "too_much_data", "mailbox"),
    ("imap", "endless short answers", "folders", scripts.repeats(b"* A bb\r\n" * 100),
     "too_much_data", "mailbox"),
    ("imap", "endless empty literals", "folders", scripts.repeats(b"* A {0}\r\n\r\n" * 100),
     "too_much_data", "mailbox"),
    ("imap", "an endless greeting", "greeting", scripts.repeats(_LINE, b"* OK "),
     "too_much_data", "sign_in"),
    ("imap", "a greeting that takes minutes to search", "greeting", _refuses,
     "imap_unknown", "sign_in"),
    ("imap", "endless untagged answers to the sign-in", "sign-in",
     scripts.repeats(b"* OK " + _LINE + b"\r\n"), "too_much_data", "sign_in"),
    ("imap", "a literal of 4 GB", "folders", _literal(b"4000000000"), "too_much_data", "mailbox"),
    ("imap", "a literal of 1 TB", "folders", _literal(b"1" + b"0" * 12),
     "too_much_data", "mailbox"),
    ("imap", "a literal with a size of 5,000 digits", "folders", _literal(b"9" * 5000),
     "imap_unknown", "mailbox"),
    ("imap", "challenge after challenge", "sign-in", scripts.asks_again(b"+ \r\n"),
     "imap_unknown", "sign_in"),
    ("smtp", "an endless greeting", "greeting", scripts.repeats(b"220-" + _LINE + b"\r\n"),
     "too_much_data", "tls"),
    ("smtp", "an endless line", "greeting", scripts.repeats(_LINE, b"220 "),
     "too_much_data", "tls"),
    ("smtp", "endless short lines", "greeting", scripts.repeats(b"220-\r\n" * 100),
     "too_much_data", "tls"),
    ("smtp", "endless extensions", "second hello", scripts.repeats(b"250-" + _LINE + b"\r\n"),
     "too_much_data", "tls"),
    ("smtp", "an endless answer to the sign-in", "sign-in",
     scripts.repeats(b"235-" + _LINE + b"\r\n"), "too_much_data", "sign_in"),
    ("smtp", "challenge after challenge", "sign-in", scripts.asks_again(b"334 \r\n"),
     "smtp_unknown", "sign_in"),
]  # fmt: skip


def _folders(names: list[bytes], attributes: bytes = b"") -> bytes:
    return b"".join(b'* LIST (%s) "/" %s\r\n' % (attributes, name) for name in names)


def _one(name: bytes) -> bytes:
    return _folders([b"{%d}\r\n%s" % (len(name), name)])


def _words(beginning: bytes, count: int) -> bytes:
    return b" ".join(beginning + b"%x" % number for number in range(count))


#: what, the list, finding, how many folders are shown
_LISTS = [
    ("a list of 30,000 folders", _folders([b"%d" % n for n in range(30_000)]), "", 20_000),
    ("a list of folders 200 levels deep", _folders([b"%d/" % n * 200 for n in range(6_000)]),
     "too_much_data", 0),
    ("a name of 7 MB that is no text", _one(b"\xff" * _BIG), "", 1),
    ("a name of 7 MB, all of levels", _one(b"a/" * (_BIG // 2)), "", 1),
    ("a name of 7 MB, all encoded", _one(b"&AOQ-/" * (_BIG // 6)), "", 1),
    ("names of 900 kB in quotes", _folders([b'"%d%s"' % (n, b"x" * 900_000) for n in range(7)]),
     "", 7),
    ("names of 900 kB, all escaped", _folders([b'"%d%s"' % (n, b"\\x" * 450_000)
     for n in range(7)]), "", 7),
    ("attributes of 900 kB", b"".join(_folders([b"%d" % n], _words(b"%d" % n, 130_000))
     for n in range(7)), "", 7),
]  # fmt: skip


class _Victim:
    """The process of `mail_victim`, one for a laboratory: its modules are loaded once."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "faults.mail_victim"]
        self._process = subprocess.Popen(
            command, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seen(self, job: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the process that asks the servers has ended"
        seen: dict[str, Any] = json.loads(line)
        return seen

    def close(self) -> None:
        self._process.communicate(timeout=10)


_victims: WeakKeyDictionary[Lab, _Victim] = WeakKeyDictionary()


def _victim(lab: Lab) -> _Victim:
    if lab not in _victims:
        _victims[lab] = _Victim()
        finalize(lab, _victims[lab].close)
    return _victims[lab]


def _good(finding: str, stage: str, **other: Any) -> dict[str, Any]:
    return {
        "finding": finding,
        "stage": stage,
        **other,
        "late": "no",
        "memory": _BOUNDED,
        "left open": 0,
        "next call": "green",
    }


def _seen(meeting: Meeting, port: int, do: str) -> dict[str, Any]:
    """Let the other process do something, and return what it saw."""
    bench = meeting.bench
    job = {
        "do": do,
        "healthy": bench.values(),
        "faulty": bench.values(**meeting.settings(port)),
        "name": bench.erp.name,
        "account": bench.account,
    }
    seen = _victim(bench.lab).seen(job)
    late = note(LATE, max(0.0, seen["seconds"] - _TIMEOUT))
    grown = note(MEMORY, seen["grown"])
    return {
        **seen["facts"],
        "late": "no" if late <= GRACE else f"{late:.1f} s",
        "memory": _BOUNDED if grown < _MOST_GROWN else f"grew by {grown:.0f} MB",
        "left open": left_open(port),
        "next call": "green" if seen["after"] else "FAILS",
    }


def _register_endless(
    protocol: str, did: str, at: str, then: scripts.Script, finding: str, stage: str
) -> None:
    @mail_fault("M14", protocol, did, _good(finding, stage, remedy="told"))
    def run(bench: Bench) -> Facts:
        meeting = Meeting(bench, protocol, timeout=_TIMEOUT)
        return _seen(meeting, meeting.serve_until(at, then), "test")


def _register_list(did: str, answers: bytes, finding: str, folders: int) -> None:
    stage = "mailbox" if finding else ""

    @mail_fault("M14", "imap", did, _good(finding, stage, folders=folders))
    def run(bench: Bench) -> Facts:
        meeting = Meeting(bench, "imap", timeout=_TIMEOUT)
        return _seen(meeting, meeting.serve_until("folders", scripts.lists(answers)), "choices")


for _row in _ENDLESS:
    _register_endless(*_row)
for _list in _LISTS:
    _register_list(*_list)


@mail_fault(
    "M14", "imap", "a status that takes minutes to search", _good("imap_unknown", "folders")
)
def endless_status(bench: Bench) -> Facts:
    meeting = Meeting(bench, "imap", timeout=_TIMEOUT)
    answer = b"* STATUS INBOX (" + b"UIDVALIDITY 1 " * 40_000 + b"\r\n%s OK done\r\n"
    return _seen(meeting, meeting.serve_until("status", scripts.says(answer)), "save")
