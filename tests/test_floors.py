"""Each floor imports only floors below it; the simulator stands apart."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BELOW = {
    "schemas": {"schemas"},
    "plugin": {"schemas", "plugin"},
    "hooks": {"schemas", "plugin", "hooks"},
    "simulator": {"simulator"},
    "testing": {"schemas", "plugin", "hooks", "simulator", "testing"},
    # The reference host uses nothing but the hooks and what crosses them.
    "demo": {"schemas", "plugin", "hooks", "simulator", "testing", "demo"},
}


def imported_floors(path: Path) -> set[str]:
    package = path.relative_to(ROOT).parts[:-1]
    floors = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            parts = (*base, *(node.module or "").split("."))
            names = [parts[0]] if parts[0] else [alias.name for alias in node.names]
            floors.update(names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "salesorder_m365."
        ):
            floors.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            floors.update(
                alias.name.split(".")[1]
                for alias in node.names
                if alias.name.startswith("salesorder_m365.")
            )
    return floors


@pytest.mark.parametrize("floor", BELOW)
def test_floor_imports_only_floors_below(floor):
    modules = sorted((ROOT / floor).rglob("*.py"))
    assert modules
    above = {
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules
        for name in imported_floors(module)
        if name in BELOW and name not in BELOW[floor]
    }
    assert above == set()


def test_the_reader_of_imports_sees_a_breach(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    module = tmp_path / "schemas" / "bad.py"
    module.parent.mkdir()
    module.write_text("from ..plugin.errors import M365Error\nimport salesorder_m365.hooks.spec\n")
    assert imported_floors(module) == {"plugin", "hooks"}
