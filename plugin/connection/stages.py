"""One protocol's stages in Test Connection: timed and shown, each once.

`probe` says what the stages do, `explain` what an error means.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...schemas.report import Stage, StageStatus
from ..transport.renewing import Again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..transport.renewing import RenewableToken

_SECOND_ATTEMPTS = {
    Again.RENEWED: "The first token was refused; a renewed one was tried.",
    Again.RECONNECTED: "The first attempt did not reach the mailbox; a second one was made.",
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
        """Enter one stage; an exception breaks it. A second attempt does not show it twice."""
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


def run_track(
    track: Track, attempt: Callable[[str], None], token: RenewableToken
) -> Exception | None:
    """Run the stages with a token; return what stopped them."""
    try:
        token.use(attempt, lambda reason: track.note(_SECOND_ATTEMPTS[reason]))
    except Exception as err:  # noqa: BLE001 - `explain` makes a finding and a log entry of it
        track.broke()
        return err
    return None
