"""Test Connection for many accounts, some at a time, and what their reports come to together.

Left to `checking`: what one test does. Left to the caller: drawing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

# At run time too: results become JSON by their annotations.
from ...schemas.report import Actor, ConnectionReport, Finding  # noqa: TC001
from ..errors import M365Error, NoSuchAccountError
from ..findings.catalogue import finding

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from ...schemas.view import AccountView

    #: Tests one account by its id; may raise the errors of ours.
    Test = Callable[[str], ConnectionReport]

log = logging.getLogger(__name__)

AT_ONCE = 16
#: Microsoft lets a mailbox have three SMTP connections at once (learn.microsoft.com, "Exchange
#: Online limits"); several accounts may sign in as one user, and the ERP sends mail meanwhile.
PER_USER = 2
#: Seconds that tests under way get when the rest is given up.
_LAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One account and what its test came to; `report` is None if it could not be made or kept."""

    account_id: str
    name: str
    mailbox: str
    passed: bool
    seconds: float
    findings: tuple[Finding, ...]
    report: ConnectionReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """One finding, and the names of the accounts that have it."""

    code: str
    title: str
    actor: Actor
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What many tests come to; the causes that concern most accounts come first."""

    asked: int
    tested: int
    passed: int
    seconds: float
    causes: tuple[Cause, ...]

    @property
    def complete(self) -> bool:
        """Whether every account was tested."""
        return self.tested == self.asked


def check_each(
    accounts: Sequence[AccountView], test: Test, *, at_once: int = AT_ONCE
) -> Generator[Checked]:
    """Test accounts and give each result as it comes; an account deleted meanwhile is left out.

    `at_once` tests run side by side, each with two connections, and `PER_USER` for one user. Close
    the generator (or break it off by an exception, such as Ctrl-C) to start no further test; those
    under way get a second to end.
    """
    if not accounts:
        return
    crew = _Crew(accounts, test)
    crew.start(min(at_once, len(accounts)))
    try:
        for _ in accounts:
            tested = crew.ended.get()
            if tested is not None:
                yield tested
    finally:
        crew.stop()


def summary(tested: Iterable[Checked], *, asked: int, seconds: float) -> Summary:
    """Return what these results come to."""
    by_code: defaultdict[str, list[str]] = defaultdict(list)
    count = passed = 0
    for one in tested:
        count, passed = count + 1, passed + one.passed
        for code in {found.code for found in one.findings}:
            by_code[code].append(one.name)
    causes = sorted((_cause(code, names) for code, names in by_code.items()), key=_most_first)
    return Summary(asked=asked, tested=count, passed=passed, seconds=seconds, causes=tuple(causes))


def _cause(code: str, names: Sequence[str]) -> Cause:
    # The finding of one account may name that account's mailbox in its title.
    found = finding(code)
    return Cause(code=code, title=found.title, actor=found.actor, accounts=tuple(sorted(names)))


def _most_first(cause: Cause) -> tuple[int, str]:
    return -len(cause.accounts), cause.code


class _Crew:
    """Threads that take accounts from one queue and put results into another."""

    def __init__(self, accounts: Sequence[AccountView], test: Test) -> None:
        self._test = test
        self._waiting: SimpleQueue[AccountView] = SimpleQueue()
        for view in _mixed(accounts):
            self._waiting.put(view)
        self._places: defaultdict[str, threading.Semaphore] = defaultdict(
            lambda: threading.Semaphore(PER_USER)
        )
        for view in accounts:
            self._places[_user(view)]  # made here: a defaultdict is not safe with threads
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        #: The results; None for an account that is no more.
        self.ended: SimpleQueue[Checked | None] = SimpleQueue()

    def start(self, count: int) -> None:
        # Daemons: a test that hangs in a resolver must not hold up the end of the program.
        for number in range(count):
            name = f"m365-fleet-{number}"
            self._threads.append(threading.Thread(target=self._work, name=name, daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        self._stopping.set()
        until = time.monotonic() + _LAST_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                view = self._waiting.get_nowait()
            except Empty:
                return
            with self._places[_user(view)]:
                if not self._stopping.is_set():
                    self.ended.put(self._tested(view))

    def _tested(self, view: AccountView) -> Checked | None:
        started = time.monotonic()
        try:
            report = self._test(view.id)
        except NoSuchAccountError:
            return None
        except Exception as err:  # noqa: BLE001 - one account's misfortune is not the others'
            return _untested(view, err, time.monotonic() - started)
        return Checked(
            account_id=view.id,
            name=view.values.account_name,
            mailbox=view.mailbox,
            passed=report.passed,
            seconds=report.seconds,
            findings=report.findings,
            report=report,
        )


def _untested(view: AccountView, err: Exception, seconds: float) -> Checked:
    # The probe makes findings of all but the database's errors.
    code = "store_unusable" if isinstance(err, M365Error) else "unknown"
    log.error("test of %s: %s", view.id, type(err).__name__)
    return Checked(
        account_id=view.id,
        name=view.values.account_name,
        mailbox=view.mailbox,
        passed=False,
        seconds=seconds,
        findings=(finding(code, mailbox=view.mailbox),),
        report=None,
    )


def _user(view: AccountView) -> str:
    return view.values.username.casefold()


def _mixed(accounts: Sequence[AccountView]) -> list[AccountView]:
    """Return the accounts with the users taking turns, so that few have to wait for their own."""
    turn: defaultdict[str, int] = defaultdict(int)
    turns = []
    for view in accounts:
        turns.append(turn[_user(view)])
        turn[_user(view)] += 1
    return [view for _, view in sorted(zip(turns, accounts, strict=True), key=lambda pair: pair[0])]
