"""Makes docs/values.md of the values on the hooks' face: python tests/tools/values_page.py"""

import inspect
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from itertools import groupby
from pathlib import Path

from salesorder_m365 import hooks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "values.md"
INTRODUCTION = """\
# The values

What the hooks are given and what they answer: frozen dataclasses and enumerations, all imported
from `salesorder_m365.hooks`. `to_plain(value)` makes plain JSON of each, `from_plain(kind, plain)`
the value again; keys that this version does not know are ignored. New fields have a default, so a
host that makes a value by its keywords goes on working. Members of an enumeration are strings.

This page is made of the code by `python tests/tools/values_page.py`.
"""
TITLES = {
    "access": "Access for the host's own programs",
    "account": "The account form",
    "delivery": "What became of a mail",
    "event": "Events",
    "folders": "Default Folder Mappings",
    "generic": "Generic accounts",
    "job": "Jobs",
    "kinds": "The menu and the form's shape",
    "outgoing": "A mail to send",
    "permission": "Permissions",
    "report": "Reports and findings",
    "settings": "Settings",
    "signin": "Signing in",
    "verdict": "Verdicts",
    "view": "An account as a host shows it",
}


def values() -> list[type]:
    """Return the value types on the face, by module and in the order of the source."""
    shown = {getattr(hooks, name) for name in hooks.__all__}
    found = [each for each in shown if inspect.isclass(each) and _is_value(each)]
    return sorted(found, key=lambda each: (each.__module__, inspect.getsourcelines(each)[1]))


def _is_value(kind: type) -> bool:
    return is_dataclass(kind) or issubclass(kind, Enum)


def page() -> str:
    """Return the whole page."""
    parts = [INTRODUCTION]
    for module, kinds in groupby(values(), key=lambda kind: kind.__module__):
        parts.append(f"\n## {TITLES[module.rpartition('.')[2]]}\n")
        parts.extend("\n".join(_section(kind)) for kind in kinds)
    return "".join(parts)


def _section(kind: type) -> Iterator[str]:
    yield f"\n### `{kind.__name__}`\n"
    yield f"{_prose(inspect.getdoc(kind) or '')}\n"
    if issubclass(kind, Enum):
        yield from ("| member | value |", "|---|---|")
        yield from (f'| `{member.name}` | `"{member.value}"` |' for member in kind)
    else:
        hints = typing.get_type_hints(kind)
        yield from ("| field | type | default |", "|---|---|---|")
        yield from (
            f"| `{each.name}` | {_type(hints[each.name])} | {_default(each)} |"
            for each in fields(kind)
        )
    yield ""


def _row(each: Field[object], hint: object) -> str:
    return f"| `{each.name}` | {_type(hint)} | {_default(each)} |"


def _prose(text: str) -> str:
    return text.replace("``", "`").replace("<", "\\<")


def _type(hint: object) -> str:
    name = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    for module in ("collections.abc.", "datetime.", "typing.", "pathlib."):
        name = name.replace(module, "")
    for kind in values():
        name = name.replace(f"{kind.__module__}.", "")
    return f"`{name}`".replace("|", "\\|")


def _default(each: Field[object]) -> str:
    if each.default is not MISSING:
        return f"`{each.default.value if isinstance(each.default, Enum) else each.default!r}`"
    return "" if each.default_factory is MISSING else f"`{each.default_factory()!r}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
