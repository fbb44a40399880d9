"""How a caller watches a connection being opened: stage by stage, each a context manager."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    #: Called with a stage's name (name, connect, tls, sign_in) and entered while that stage runs.
    EnterStage: TypeAlias = Callable[[str], AbstractContextManager[None]]


def unwatched(_name: str) -> AbstractContextManager[None]:
    """Watch nothing: the default of callers that do not report stages."""
    return nullcontext()
