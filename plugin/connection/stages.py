"""One protocol's stages in Test Connection: timed and shown, each once.

`probe` says what the stages do, `explain` what an error means.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ...schemas.report import Stage, StageStatus
from ..findings.catalogue import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..transport.renewing import RenewableToken

log = logging.getLogger(__name__)


class Board:
    """The stages as they stand; shows each change to `progress`, in the caller's thread."""

    def __init__(self, progress: Callable[[Stage], None] | None) -> None:
        self._progress = progress
        self.stages: dict[tuple[str, str], Stage] = {}

    def add(self, track: Track) -> None:
        """Take a track's stages, none of them tried yet."""
        self.stages |= {(stage.protocol, stage.name): stage for stage in track.untried()}

    def show(self, stage: Stage) -> None:
        """Take note of a stage and tell the host; one that fails at it is not told again."""
        self.stages[stage.protocol, stage.name] = stage
        if self._progress is None:
            return
        try:
            self._progress(stage)
        except Exception:  # the host's code may raise anything
            log.exception("the host's progress failed; the test goes on without it")
            self._progress = None

    def passed(self, protocol: str, name: str) -> bool:
        """Return whether a stage passed."""
        return self.stages[protocol, name].status is StageStatus.PASSED

    def give_up(self, protocol: str, detail: str) -> None:
        """Show the stages of a thread that never came back as failed."""
        for stage in list(self.stages.values()):
            if stage.protocol == protocol and stage.status is StageStatus.RUNNING:
                self.show(replace(stage, status=StageStatus.FAILED, detail=detail))


@dataclass
class Track:
    """The stages of one protocol. `labels` gives their names in order."""

    protocol: str
    labels: Mapping[str, str]
    show: Callable[[Stage], None]
    notes: dict[str, str] = field(default_factory=dict)
    _began: dict[str, float] = field(default_factory=dict)
    _passed: set[str] = field(default_factory=set)
    _unproved: set[str] = field(default_factory=set)
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
            accepted = name in self._unproved
            self.show(self._stage(name, StageStatus.ACCEPTED if accepted else StageStatus.PASSED))

    def unproved(self, words: str) -> None:
        """Have the running stage count as accepted only; `words` say why, and how to check it."""
        if self._at is not None:
            self._unproved.add(self._at)
            self.note(words)

    def note(self, words: str) -> None:
        """Add to the detail of the stage that is running, or was when it broke."""
        name = self._at or self._open()
        if words and name is not None:
            self.notes[name] = f"{self.notes[name]} {words}" if name in self.notes else words

    def broke(self) -> None:
        """Show as failed the stage that broke, or that a second attempt did not reach again."""
        if self._at in self._passed:
            at, self._at = self._at, None
            self.note(text("stage_note.broke_off", stage=self.labels[at]))
        name = self._at or self._open()
        if name is not None:
            self._began.setdefault(name, time.monotonic())
            self.show(self._stage(name, StageStatus.FAILED))

    def _open(self) -> str | None:
        return next((name for name in self.labels if name not in self._passed), None)

    def _stage(self, name: str, status: StageStatus) -> Stage:
        ended = status not in {StageStatus.RUNNING, StageStatus.NOT_TRIED}
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
        token.use(attempt, lambda reason: track.note(text(f"stage_note.{reason}")))
    except Exception as err:  # noqa: BLE001 - `explain` makes a finding and a log entry of it
        track.broke()
        return err
    return None
