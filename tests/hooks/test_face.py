"""`salesorder_m365.hooks` is all that a host imports, and costs nothing until it is used."""

import ast
import inspect
import re
import subprocess
import sys
import typing
from dataclasses import is_dataclass
from pathlib import Path

import pytest
from salesorder_m365 import hooks
from salesorder_m365.hooks import spec
from salesorder_m365.plugin import errors

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"msal", "imapclient", "requests", "sqlalchemy", "marshmallow", "cattrs", "alembic"}


@pytest.mark.parametrize("name", hooks.__all__)
def test_every_name_is_there(name):
    assert getattr(hooks, name) is not None
    assert name in dir(hooks)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        hooks.no_such_name  # noqa: B018 - reading it is what is tried


def for_type_checkers():
    """Return the names by module as mypy sees them."""
    tree = ast.parse(inspect.getsource(hooks))
    [guarded] = [node for node in tree.body if isinstance(node, ast.If)]
    return {
        "." * node.level + node.module: tuple(sorted(alias.name for alias in node.names))
        for node in guarded.body
    }


def test_type_checkers_and_python_see_the_same_names():
    assert for_type_checkers() == {name: tuple(sorted(n)) for name, n in hooks._MODULES.items()}
    assert sorted(hooks._HOME) == sorted(hooks.__all__)


def values_of(kind):
    """Yield the classes of ours that a type names, those inside its fields too."""
    for inner in typing.get_args(kind):
        yield from values_of(inner)
    if isinstance(kind, type) and kind.__module__.startswith("salesorder_m365."):
        yield kind
        if is_dataclass(kind):
            for inner in typing.get_type_hints(kind).values():
                yield from values_of(inner)


def crossing():
    """Return every class of ours that the hooks' signatures name."""
    names = vars(typing) | {name: getattr(hooks, name) for name in hooks.__all__}
    names |= {
        name: getattr(__import__("collections.abc").abc, name)
        for name in ("Callable", "Mapping", "Sequence")
    }
    found = set()
    for name, hook in vars(spec).items():
        if name.startswith("salesorder_"):
            for kind in typing.get_type_hints(hook, names).values():
                found |= set(values_of(kind))
    return found


def test_every_value_that_crosses_is_on_the_face():
    missing = {kind.__name__ for kind in crossing()} - set(hooks.__all__)
    assert missing == set()
    assert len(crossing()) > 25


def test_every_error_is_on_the_face():
    raised = {n for n, e in vars(errors).items() if inspect.isclass(e) and issubclass(e, Exception)}
    assert raised <= set(hooks.__all__)


@pytest.mark.parametrize(
    "statement",
    [
        "import salesorder_m365.hooks",
        "from salesorder_m365.hooks import create_manager, hookimpl; create_manager()",
        "from salesorder_m365.hooks import Host, GenericHost, Permission",
    ],
)
def test_the_face_costs_only_what_is_used(statement):
    program = f"{statement}\nimport sys; print(*({HEAVY!r} & sys.modules.keys()))"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert ended.stdout.strip() == ""


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: What a host's author needs beside the face: the routes, the kit, the simulator.
BESIDE = tuple(f"salesorder_m365.{name}" for name in ("web", "testing", "simulator", "demo"))
IMPORT = re.compile(r"^\s*(?:from|import) (salesorder_m365[\w.]*)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_docs_import_from_the_face(page):
    found = set(IMPORT.findall(page.read_text(encoding="utf-8")))
    assert {name for name in found if not name.startswith(BESIDE)} <= {"salesorder_m365.hooks"}
