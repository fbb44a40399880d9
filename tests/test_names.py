"""Every dotted name and every path that prose mentions is there: docs, docstrings, comments."""

import ast
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = [
    floor
    for floor in ("schemas", "plugin", "hooks", "web", "workers", "simulator", "testing", "demo")
    if (ROOT / floor).is_dir()
]
NAME = re.compile(rf"`(?:salesorder_m365\.)?((?:{'|'.join(FLOORS)})(?:\.\w+)+)(?:\(\))?`")
PATH = re.compile(rf"`((?:{'|'.join(FLOORS)}|tests|docs)/[\w./-]*)`")
PAGES = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
MODULES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def leads_somewhere(name):
    """Return whether a dotted name is a module, or an attribute of one."""
    parts, rest = name.split("."), []
    while parts:
        try:
            known = find_spec(".".join(("salesorder_m365", *parts)))
        except ModuleNotFoundError:
            known = None
        if known:
            there = import_module(known.name)
            return _has(there, rest)
        rest.insert(0, parts.pop())
    return False


def _has(there, rest):
    for name in rest:
        if not hasattr(there, name) and name not in getattr(there, "__annotations__", ()):
            return False
        there = getattr(there, name, None)
    return True


def prose(path):
    """Return the text of a page, or the docstrings and comments of a module."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    docstrings = [
        ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(text))
        if isinstance(node, documented)
    ]
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    return "\n".join((*docstrings, *comments))


def unknown_names(text):
    return {name for name in NAME.findall(text) if not leads_somewhere(name)}


def unknown_paths(text):
    return {path for path in PATH.findall(text) if not (ROOT / path).exists()}


@pytest.mark.parametrize("path", [*PAGES, *MODULES], ids=lambda p: str(p.relative_to(ROOT)))
def test_every_name_that_is_mentioned_leads_somewhere(path):
    text = prose(path)
    assert (unknown_names(text), unknown_paths(text)) == (set(), set())


def test_a_name_that_leads_nowhere_is_seen():
    text = "`plugin.errors.NoError`, `salesorder_m365.hooks.no_such()`, `plugin/no_such.py`"
    assert unknown_names(text) == {"plugin.errors.NoError", "hooks.no_such"}
    assert unknown_paths(text) == {"plugin/no_such.py"}
    assert not unknown_names("`plugin.errors.M365Error` `hooks.Host` `schemas.view.AccountView.id`")
    assert sum(len(NAME.findall(prose(path))) for path in (*PAGES, *MODULES)) > 15
