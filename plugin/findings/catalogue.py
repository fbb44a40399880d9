"""Every text that a person reads, from catalogue.toml, with what is known filled in.

`classify` decides which code an answer stands for. The result is plain text: escape it in HTML.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from string import Formatter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ...schemas.report import Actor, Finding
from ...schemas.verdict import Verdict
from .letter import letter_for
from .redact import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: Characters of one value in a text; a consent link has some 500.
_LONGEST_VALUE = 2000
# PowerShell takes the typographic quotes for the plain one ("about_Quoting_Rules").
_POWERSHELL_QUOTE = re.compile("(['\u2018\u2019\u201a\u201b])")
_NOTHING: Mapping[str, str] = MappingProxyType({})
#: The part of the file whose texts are no findings.
_TEXTS = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the catalogue, its placeholders still open. `group` is its heading."""

    group: str
    title: str
    what: str
    cause: str
    steps: tuple[str, ...]
    #: Who takes each of the steps.
    step_actors: tuple[Actor, ...]
    actor: Actor
    #: How far it reaches; None where no server was asked.
    verdict: Verdict | None = None
    retry: bool = False
    commands: tuple[str, ...] = ()
    links: Mapping[str, str] = field(default_factory=dict)


_ENUMS = {"actor": Actor, "verdict": Verdict}


class _Values(dict[str, str]):
    """What is known for the placeholders, each passed through `write`."""

    def __init__(self, values: Mapping[str, str], write: Callable[[str], str]) -> None:
        super().__init__(
            (name, write(_tidy(value))) for name, value in values.items() if _tidy(value)
        )

    def __missing__(self, name: str) -> str:
        return texts()[f"not_known.{name}"]


def _tidy(value: str) -> str:
    return " ".join(printable(value[:_LONGEST_VALUE]).split())


def powershell_quoted(value: str) -> str:
    """Return `value` as a PowerShell string that nothing inside can end or expand."""
    return "'" + _POWERSHELL_QUOTE.sub(r"\1\1", value) + "'"


@cache
def _file() -> Mapping[str, Any]:
    file = resources.files(__package__).joinpath("catalogue.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def entries() -> Mapping[str, Entry]:
    """Return every entry by its code, in the order of the file."""
    return MappingProxyType(
        {
            code: _entry(group, values)
            for group, members in _file().items()
            if group != _TEXTS
            for code, values in members.items()
        }
    )


@cache
def texts() -> Mapping[str, str]:
    """Return every text that is no finding by its name (``group.name``), placeholders open."""
    return MappingProxyType(
        {
            f"{group}.{name}": words
            for group, members in _file()[_TEXTS].items()
            for name, words in members.items()
        }
    )


def text(name: str, /, **values: str) -> str:
    """Return the text `name` (``group.name``) with its placeholders filled."""
    return texts()[name].format_map(_Values(values, str))


def _entry(group: str, values: Mapping[str, Any]) -> Entry:
    said = {name: kind(values[name]) for name, kind in _ENUMS.items() if name in values}
    steps = [_step(step, Actor(values["actor"])) for step in values.get("steps", ())]
    several = {
        "steps": tuple(words for _, words in steps),
        "step_actors": tuple(actor for actor, _ in steps),
        "commands": tuple(values.get("commands", ())),
    }
    return Entry(**{**values, **several, **said, "group": group})


def _step(step: str | Mapping[str, str], actor: Actor) -> tuple[Actor, str]:
    """Return who takes a step, and its words: those of the finding's actor stand alone."""
    if isinstance(step, str):
        # Where nobody must act, it is the worker who may try again.
        return (Actor.WORKER if actor is Actor.NOBODY else actor), step
    ((other, words),) = step.items()
    return Actor(other), words


def verdict_of(code: str) -> Verdict:
    """Return how far a refusal of this code reaches; what is not known is about the moment."""
    entry = entries().get(code)
    return (entry and entry.verdict) or Verdict.PASSING


def places(words: str) -> set[str]:
    """Return the names of the placeholders in a text."""
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def codes() -> frozenset[str]:
    """Return the codes of all findings."""
    return frozenset(entries())


def finding(
    code: str,
    *,
    server_words: str = "",
    references: Mapping[str, str] = _NOTHING,
    links: Mapping[str, str] = _NOTHING,
    **values: str,
) -> Finding:
    """Return the finding `code`, its placeholders filled with `values`.

    For a value that is not given the text says what it is ("the mailbox"), and a command that
    needs it is left out. `server_words` are redacted here. A code that the catalogue lacks (from
    the row of a newer version) gives ``unknown`` under its own code. A finding that an
    administrator must act on has a letter, except those of the status page: an administrator
    reads them already.
    """
    entry = entries().get(code) or entries()["unknown"]
    known = _Values(values, str)
    quoted = _Values(values, powershell_quoted)
    found = Finding(
        code=code,
        title=entry.title.format_map(known),
        what=entry.what.format_map(known),
        cause=entry.cause.format_map(known),
        steps=tuple(step.format_map(known) for step in entry.steps),
        step_actors=entry.step_actors,
        actor=entry.actor,
        retry=entry.retry,
        server_words=one_line(server_words),
        commands=tuple(
            command.format_map(quoted)
            for command in entry.commands
            if places(command) <= quoted.keys()
        ),
        references={name: one_line(text) for name, text in references.items()},
        links={**entry.links, **links},
    )
    return found if entry.group == "health" else replace(found, letter=letter_for(found, known))
