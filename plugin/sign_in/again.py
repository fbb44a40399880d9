"""A callback that is run again: it waits for the first run, and has its outcome."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from ...schemas.plain import from_plain
from ...schemas.signin import LoginOutcome
from ..store import attempts
from ..store.engines import reading
from ..wire.deadline import Deadline

if TYPE_CHECKING:
    from ..context import Context

#: Seconds between two looks whether the first run has ended.
_PAUSE = 0.2


def outcome_again(context: Context, state: str, worker: str, browser: str) -> LoginOutcome | None:
    """Return what the attempt of `state` led to, if its own browser and worker ask once more.

    A host that retries its transaction runs the callback again, and a browser repeats a GET, even
    before the first one was answered. None for an attempt that was not consumed, and for one whose
    first run ended without an outcome, as in a process that was killed.
    """
    seconds = context.settings.http_timeout
    patience = Deadline.lasting(seconds)
    while True:
        with reading(context.engine) as connection:
            attempt = attempts.find_attempt(connection, state)
        if attempt is None or attempt.consumed_at is None:
            return None
        if not attempt.belongs_to(worker, browser):
            return None
        if attempt.outcome is not None:
            with suppress(ValueError):  # of another version, during a rolling restart
                return from_plain(LoginOutcome, attempt.outcome)
            return None
        if patience.left <= 0 or attempt.consumed_at + timedelta(seconds=seconds) <= context.now():
            return None
        time.sleep(_PAUSE)
