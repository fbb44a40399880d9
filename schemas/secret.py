"""Text that must not be shown: its repr hides it, and so does a dump of a frame's variables."""

from __future__ import annotations


class Secret(str):
    """A secret as text. Only ``repr`` hides it: what is made of it is plain text again."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"
