"""Take the secrets out of tracebacks: what an error tracker reads from frames is empty.

Error trackers send the local variables of every frame of a traceback (sentry-sdk does by default).
The frames of a renewal hold tokens, the client secret and whole requests, so they are emptied
before an error leaves the plugin. Files, lines and functions stay.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def clear_frames(err: BaseException) -> None:
    """Empty the finished frames of `err` and of every error that it is chained to or groups."""
    for each in _chained(err):
        traceback.clear_frames(each.__traceback__)


def _chained(err: BaseException) -> Iterator[BaseException]:
    """Yield `err` and all errors behind it, suppressed contexts too, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [err]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
