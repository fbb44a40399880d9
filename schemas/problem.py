"""What is wrong with a value of a form: a text for a person, with a code for a program."""

from __future__ import annotations

from typing import Self


class Problem(str):
    """A message of a ``ValidationError`` that knows its `code`, such as ``too_long``."""

    __slots__ = ("code",)
    code: str

    def __new__(cls, code: str, text: str) -> Self:
        """Make one."""
        made = super().__new__(cls, text)
        made.code = code
        return made
