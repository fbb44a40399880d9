"""The rooms of the simulator: each imports only those before it; no imports in a circle."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "simulator"
#: each room may import the leaves of the top folder and the rooms before it
ROOMS = ("tenant", "identity", "mail", "panel")
#: modules of the top folder that put the rooms together; no room may import them
ABOVE = {"simulator", "command"}


def imported(path: Path, root: Path = ROOT) -> set[tuple[str, ...]]:
    """Return the modules of ours that a module imports, type-only imports included."""
    package = path.relative_to(root).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = (*base, *(node.module.split(".") if node.module else ()))
            for alias in node.names:
                inner = (*module, alias.name)
                is_module = root.joinpath(*inner).with_suffix(".py").exists()
                found.add(inner if is_module else module)
    return found


def modules(root: Path = ROOT) -> dict[tuple[str, ...], Path]:
    return {path.relative_to(root).with_suffix("").parts: path for path in root.rglob("*.py")}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_those_before_it(room):
    allowed = {*ROOMS[: ROOMS.index(room) + 1]}
    paths = sorted((ROOT / room).rglob("*.py"))
    assert paths
    wrong = {
        (str(path.relative_to(ROOT)), name)
        for path in paths
        for name, *_ in imported(path)
        if name in ABOVE or (name in ROOMS and name not in allowed)
    }
    assert wrong == set()


def test_no_module_imports_in_a_circle():
    graph = {name: imported(path) for name, path in modules().items()}
    list(TopologicalSorter(graph).static_order())


def test_a_circle_of_types_is_seen(tmp_path):
    (tmp_path / "one.py").write_text("from typing import TYPE_CHECKING\nfrom .two import B\n")
    (tmp_path / "two.py").write_text("if TYPE_CHECKING:\n    from .one import A\n")
    graph = {name: imported(path, tmp_path) for name, path in modules(tmp_path).items()}
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph).static_order())
