"""The errors of a form, worded: a code and a text for each problem at each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...schemas.account import FormErrors
from ...schemas.problem import Problem
from .catalogue import text, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: For a message that has no code: what marshmallow itself says about a value of a wrong kind.
_OTHER = "unusable"


def form_errors(messages: Mapping[str, Iterable[str]], values: Mapping[str, Any]) -> FormErrors:
    """Return the errors with their texts and codes; `values` are what was typed."""
    return FormErrors(
        errors={name: tuple(map(worded, problems)) for name, problems in messages.items()},
        codes={name: tuple(map(_code, problems)) for name, problems in messages.items()},
        values=values,
    )


def worded(problem: str) -> str:
    """Return the text of a problem; a message without a code is its own text."""
    filled = problem.values if isinstance(problem, Problem) else {}
    name = f"form.{problem}"
    return text(name, **filled) if name in texts() else str(problem)


def _code(problem: str) -> str:
    return str(problem) if f"form.{problem}" in texts() else _OTHER
