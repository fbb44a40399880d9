"""The ``state`` of a sign-in: random, and marked so that we know it again as one that we gave.

An attempt goes with its account. A worker who comes back after that is told so, while the state of
another plugin is left to it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..store.sealing import KeyRing

#: Characters of the random part: 24 bytes in base64.
_RANDOM = 32


def new_state(ring: KeyRing) -> str:
    """Return a new state: 192 random bits and their mark."""
    random = secrets.token_urlsafe(24)
    return random + ring.mark(random)


def is_ours(state: str, ring: KeyRing) -> bool:
    """Return whether `new_state` gave this state, with any key of the ring."""
    return ring.has_marked(state[:_RANDOM], state[_RANDOM:])
