"""One protocol's stages in Test Connection: timed, shown, and after some answers tried again.

What the stages do is `probe`'s job; what an error means is `explain`'s.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...schemas.report import Stage, StageStatus
from ..errors import MailError
from ..wire.deadline import remaining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..vault.renewal import AccessToken

_RENEWED = "The first token was refused; a renewed one was tried."
_AGAIN = "The first attempt did not reach the mailbox; a second one was made."
#: What is tried a second time, once: with a renewed token, or just so.
_SECOND_ATTEMPTS = {
    "imap_refused": _RENEWED,
    "smtp_refused": _RENEWED,
    "token_expired": _RENEWED,
    "mailbox_not_connected": _AGAIN,
}


@dataclass
class Track:
    """The stages of one protocol. `labels` gives their names in order."""

    protocol: str
    labels: Mapping[str, str]
    show: Callable[[Stage], None]
    notes: dict[str, str] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)
    _passed: set[str] = field(default_factory=set)
    _at: str | None = None

    def untried(self) -> tuple[Stage, ...]:
        """Return every stage as it is before anything was tried."""
        return tuple(self._stage(name, StageStatus.NOT_TRIED) for name in self.labels)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Climb one stage; an exception breaks it. A second attempt does not show it twice."""
        self._at = name
        if name not in self._began:
            self._began[name] = time.monotonic()
            self.show(self._stage(name, StageStatus.RUNNING))
        yield
        self._at = None
        if name not in self._passed:
            self._passed.add(name)
            self.show(self._stage(name, StageStatus.PASSED))

    def note(self, text: str) -> None:
        """Add to the detail of the stage that is running, or was when it broke."""
        name = self._at or self._open()
        if name is not None:
            self.notes[name] = f"{self.notes[name]} {text}" if name in self.notes else text

    def broke(self) -> None:
        """Show as failed the stage that broke, or that a second attempt did not reach again."""
        if self._at in self._passed:
            at, self._at = self._at, None
            self.note(f"It broke off at “{self.labels[at]}”.")
        name = self._at or self._open()
        if name is not None:
            self._began.setdefault(name, time.monotonic())
            self.show(self._stage(name, StageStatus.FAILED))

    def _open(self) -> str | None:
        return next((name for name in self.labels if name not in self._passed), None)

    def _stage(self, name: str, status: StageStatus) -> Stage:
        ended = status in {StageStatus.PASSED, StageStatus.FAILED}
        return Stage(
            protocol=self.protocol,
            name=name,
            label=self.labels[name],
            status=status,
            seconds=time.monotonic() - self._began[name] if ended else None,
            detail=self.notes.get(name, ""),
        )


class Tokens:
    """The token of one test, renewed at most once however many protocols were refused."""

    def __init__(self, first: AccessToken, renew: Callable[[str], AccessToken]) -> None:
        self.first = first
        self._renew = renew
        self._lock = threading.Lock()
        self._renewed: AccessToken | Exception | None = None

    def renewed(self) -> AccessToken:
        """Return the renewed token, or raise what renewing it raised. Safe to call from threads."""
        if not self._lock.acquire(timeout=remaining()):
            raise TimeoutError("Another thread is still renewing the token.")
        try:
            if self._renewed is None:
                self._renewed = self._once()
        finally:
            self._lock.release()
        if isinstance(self._renewed, Exception):
            raise self._renewed
        return self._renewed

    def _once(self) -> AccessToken | Exception:
        try:
            return self._renew(self.first.secret)
        except Exception as err:  # noqa: BLE001 - both protocols are to hear of it
            return err


def run_track(track: Track, attempt: Callable[[str], None], tokens: Tokens) -> Exception | None:
    """Run the stages with a token; return what stopped them. Each second attempt is made once."""
    token, made = tokens.first, set()
    while True:
        try:
            attempt(token.secret)
        except MailError as err:
            reason = _SECOND_ATTEMPTS.get(err.code)
            if reason is None or reason in made:
                track.broke()
                return err
            made.add(reason)
            track.note(reason)
        except Exception as err:  # noqa: BLE001 - `explain` makes a finding and a log entry of it
            track.broke()
            return err
        else:
            return None
        if reason is _RENEWED:
            try:
                token = tokens.renewed()
            except Exception as err:  # noqa: BLE001 - likewise
                track.broke()
                return err
