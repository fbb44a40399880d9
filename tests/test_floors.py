"""Who may import whom: floors of the package, rooms of `plugin/`, and no circle anywhere.

Imports for types only and imports inside functions count like any other. Prints what it saw:
``pytest -s tests/test_floors.py``.
"""

from pathlib import Path

import pytest
from support.imports import Import, circles, imports, modules

ROOT = Path(__file__).resolve().parent.parent

#: Each floor, and the floors that it may import beside itself.
FLOORS = {
    "schemas": set(),
    "plugin": {"schemas"},
    "hooks": {"schemas", "plugin"},
    "web": {"schemas", "plugin", "hooks"},
    "workers": {"schemas", "plugin", "hooks"},
    "simulator": set(),
    "testing": {"schemas", "plugin", "hooks", "web", "workers", "simulator"},
    # The reference host uses nothing but the hooks and what crosses them.
    "demo": {"schemas", "plugin", "hooks", "web", "workers", "simulator", "testing"},
}

#: The rooms of `plugin/`, bottom up: each may import only those that come before it.
ROOMS = (
    "frames",
    "findings",
    "errors",
    "wire",
    "settings",
    "entra",
    "transport",
    "store",
    "context",
    "border",
    "vault",
    "folders",
    "mail",
    "connection",
    "accounts",
    "sign_in",
    "upkeep",
    "generic",
    "use_cases",
    "cli",
)

#: Room, and what it must not import, although it stands above it or outside.
FORBIDDEN = {
    "findings": {"sqlalchemy"},
    "wire": {"sqlalchemy", "imaplib", "smtplib", "msal"},
    "settings": {"sqlalchemy"},
    "store": {"plugin.wire", "plugin.entra", "plugin.transport"},
}
#: Modules from outside that a single room may import.
HELD_BY = {
    "socket": {"wire"},
    "msal": {"entra"},
    "imaplib": {"transport"},
    "smtplib": {"transport"},
    "imapclient": {"transport"},
}
#: For their errors and constants alone: these open nothing. Module, and what it may import.
READS_ONLY = {
    ("plugin.findings.classify", "socket"),
    ("plugin.transport.smtp_lines", "socket"),
    ("plugin.upkeep.reachability", "socket"),
}


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "plugin" and len(parts) > 1 else None


def breaches(seen: list[Import]) -> list[str]:
    found = [each for each in seen if _breaks(each)]
    return sorted(f"{each.importer} imports {each.imported}" for each in found)


def _breaks(each: Import) -> bool:
    mine, room = each.importer.split(".")[0], room_of(each.importer)
    if each.ours:
        return _between_floors(mine, each) or _between_rooms(room, each)
    top = each.imported.split(".")[0]
    if (each.importer, top) in READS_ONLY or room is None:
        return False
    return top in FORBIDDEN.get(room, ()) or room not in HELD_BY.get(top, {room})


def _between_floors(mine: str, each: Import) -> bool:
    theirs = each.imported.split(".")[0]
    if each.imported == "plugin.use_cases":
        return mine not in {"hooks", "plugin"} or room_of(each.importer) not in {None, "cli"}
    return theirs in FLOORS and theirs != mine and theirs not in FLOORS[mine]


def _between_rooms(room: str | None, each: Import) -> bool:
    other = room_of(each.imported)
    if room is None or other is None or room == other:
        return False
    if ".".join(each.imported.split(".")[:2]) in FORBIDDEN.get(room, ()):
        return True
    return ROOMS.index(other) > ROOMS.index(room)


@pytest.fixture(scope="module")
def seen():
    return imports(modules(ROOT, tuple(FLOORS)), ROOT)


def test_each_floor_and_room_imports_only_what_it_may(seen):
    rooms = {room_of(each.importer) for each in seen} - {None}
    between = {(room_of(e.importer), room_of(e.imported)) for e in seen if e.ours}
    between = {pair for pair in between if None not in pair and pair[0] != pair[1]}
    print(f"\n{len(rooms)} rooms, {len(seen)} imports, {len(between)} ways between rooms")
    assert rooms <= set(ROOMS)
    assert breaches(seen) == []


def test_there_is_no_circle(seen):
    found = circles({(each.importer, each.imported) for each in seen if each.ours})
    print(f"\n{len(found)} circles")
    assert found == []


PLANTED = {
    "a floor above": ("schemas/bad.py", "from ..plugin.errors import M365Error\n"),
    "a floor above, by its full name": (
        "plugin/store/bad.py",
        "import salesorder_m365.hooks.spec\n",
    ),
    "the simulator": ("plugin/bad.py", "from ..simulator import tenant\n"),
    "a room above": ("plugin/findings/bad.py", "from ..errors import M365Error\n"),
    "for types only": (
        "plugin/wire/bad.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..entra import claims\n",
    ),
    "in a function": ("plugin/settings/bad.py", "def f():\n    from ..store import engines\n"),
    "SQLAlchemy in settings": ("plugin/settings/bad.py", "from sqlalchemy import select\n"),
    "the network in store": ("plugin/store/bad.py", "from ..wire import deadline\n"),
    "a socket outside wire": ("plugin/upkeep/bad.py", "import socket\n"),
    "MSAL outside entra": ("plugin/vault/bad.py", "import msal\n"),
    "smtplib outside transport": ("plugin/mail/bad.py", "import smtplib\n"),
    "the use cases from a room": ("plugin/upkeep/bad.py", "from ..use_cases import UseCases\n"),
    "the use cases from the demo": ("demo/bad.py", "from ..plugin.use_cases import UseCases\n"),
}


@pytest.mark.parametrize(("path", "source"), PLANTED.values(), ids=PLANTED)
def test_a_planted_import_is_seen(tmp_path, path, source):
    module = tmp_path / path
    module.parent.mkdir(parents=True)
    module.write_text(source)
    assert len(breaches(imports(modules(tmp_path, tuple(FLOORS)), tmp_path))) == 1


def test_a_planted_circle_is_seen(tmp_path):
    for name, other in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")):
        path = tmp_path / "schemas" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"def f():\n    from .{other} import something\n")
    edges = imports(modules(tmp_path, ("schemas",)), tmp_path)
    assert circles({(e.importer, e.imported) for e in edges}) == [
        ["schemas.a", "schemas.b", "schemas.c"]
    ]
