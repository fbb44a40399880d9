"""Reads who imports whom in this repository, and finds the circles."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

PACKAGE = "salesorder_m365"


class Import(NamedTuple):
    """One import: the dotted names of both modules, without the package's name for our own."""

    importer: str
    imported: str
    #: Whether `imported` is a module of ours.
    ours: bool


def module_name(path: Path, root: Path) -> str:
    """Return the dotted name of a file below `root`: ``plugin.store.grants``."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules(root: Path, floors: Iterator[str] | tuple[str, ...]) -> dict[str, Path]:
    """Return every module of the given floors by name."""
    files = (path for floor in floors for path in sorted((root / floor).rglob("*.py")))
    return {module_name(path, root): path for path in files}


def imports(known: dict[str, Path], root: Path) -> list[Import]:
    """Return every import of the known modules, those for types and those in functions too."""
    return [
        Import(name, *_resolved(full, alias, known))
        for name, path in known.items()
        for full, alias in _written(path, root)
    ]


def _written(path: Path, root: Path) -> Iterator[tuple[str, str | None]]:
    """Yield (module, imported name) of each import statement, relative ones made absolute."""
    folder = path.relative_to(root).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (PACKAGE, *folder[: len(folder) - node.level + 1]) if node.level else ()
            full = ".".join((*base, *filter(None, [node.module])))
            yield from ((full, alias.name) for alias in node.names)


def _resolved(full: str, alias: str | None, known: dict[str, Path]) -> tuple[str, bool]:
    if full != PACKAGE and not full.startswith(f"{PACKAGE}."):
        return full, False
    inner = full.removeprefix(PACKAGE).removeprefix(".")
    deeper = f"{inner}.{alias}".removeprefix(".")
    return (deeper, True) if deeper in known or not inner else (inner, True)


def circles(edges: set[tuple[str, str]]) -> list[list[str]]:
    """Return the circles, each as the names on it; every one found is cut open before the next."""
    left = {(start, end) for start, end in edges if start != end}
    found = []
    while True:
        after: dict[str, set[str]] = {}
        for start, end in left:
            after.setdefault(start, set()).add(end)
        try:
            TopologicalSorter(after).prepare()
        except CycleError as err:
            circle: list[str] = err.args[1]
            found.append(sorted(set(circle)))
            left -= {(circle[1], circle[0]), (circle[0], circle[1])}
        else:
            return found
