"""The errors of a form: a text and a code for each problem at each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...schemas.account import FormErrors
from ...schemas.problem import Problem
from .catalogue import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: For a message that has no code: what marshmallow itself says about a value of a wrong kind.
_OTHER = "unusable"


def problem(code: str, /, group: str = "form", **values: str) -> Problem:
    """Return the problem `code` with its text of the catalogue (``<group>.<code>``)."""
    return Problem(code, text(f"{group}.{code}", **values))


def form_errors(messages: Mapping[str, Iterable[str]], values: Mapping[str, Any]) -> FormErrors:
    """Return the errors with their codes; `values` are what the form is drawn with again."""
    return FormErrors(
        errors={name: tuple(map(str, problems)) for name, problems in messages.items()},
        codes={name: tuple(map(_code, problems)) for name, problems in messages.items()},
        values=values,
    )


def _code(message: str) -> str:
    return message.code if isinstance(message, Problem) else _OTHER
