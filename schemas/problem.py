"""What is wrong with a field: a code of the catalogue and what fills its text. No words here."""

from __future__ import annotations

from typing import Self


class Problem(str):
    """A code such as ``too_long``, for marshmallow's ``ValidationError`` to carry.

    `values` fill the placeholders of the text ``form.<code>`` of the catalogue.
    """

    __slots__ = ("values",)
    values: dict[str, str]

    def __new__(cls, code: str, **values: str) -> Self:
        """Make one."""
        made = super().__new__(cls, code)
        made.values = values
        return made
