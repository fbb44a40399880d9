"""Wheel and sdist as users get them: complete, nothing generic at top level, working anywhere."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from importlib import metadata
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
SMOKE = ROOT / "tests" / "tools" / "smoke_wheel.py"
FLOORS = ("schemas", "plugin", "hooks")
HEAVY = {"msal", "imapclient", "sqlalchemy", "requests", "marshmallow", "cryptography", "alembic"}


def run(*command, cwd=None):
    """Run to the end, within bounds; what was printed stands in the failure."""
    parts = [str(part) for part in command]
    result = subprocess.run(
        parts, cwd=cwd, capture_output=True, text=True, timeout=100, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def config():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg")
    return parser


def lines(text):
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def files():
    """The files that belong to the repository, relative to its root."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nobody knows which files belong to it")
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(files, tmp_path_factory):
    """Build sdist and wheel in a copy, so that the checkout keeps no build/ or egg-info."""
    source = tmp_path_factory.mktemp("source") / "checkout"
    for name in files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    out = source.parent / "dist"
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def make_venv(tmp_path_factory):
    """Make a venv with these wheels; its libraries are those of the venv that runs the tests."""

    def make(*wheels):
        home = tmp_path_factory.mktemp("venv")
        venv.create(home, symlinks=os.name != "nt")
        python = home / "bin" / "python"
        place = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        # A path file of a path file is not read: the editable install cannot come along.
        borrowed = Path(place.stdout.strip()) / "borrowed.pth"
        borrowed.write_text(sysconfig.get_path("purelib") + "\n")
        pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
        run(
            *pip,
            "install",
            "--no-index",
            "--no-deps",
            "--force-reinstall",
            "--prefix",
            home,
            *wheels,
        )
        return python

    return make


@pytest.fixture(scope="module")
def installed(built, make_venv):
    return make_venv(built[0])


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory):
    """The wheel of another plugin, whose top-level folders have the names of ours."""
    wheel = tmp_path_factory.mktemp("neighbour") / "neighbour-1-py3-none-any.whl"
    info = "neighbour-1.dist-info"
    content = {
        "hooks/__init__.py": "import pluggy\n"
        "@pluggy.HookimplMarker('salesorder')\n"
        "def salesorder_account_kinds():\n"
        "    from schemas import Kind\n"
        "    return [Kind()]\n",
        "schemas/__init__.py": "class Kind:\n    kind = 'neighbour'\n",
        "plugin/__init__.py": "",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: neighbour\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": "[salesorder]\nneighbour = hooks\n",
    }
    record = "".join(f"{name},,\n" for name in [*content, f"{info}/RECORD"])
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {**content, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)
    return wheel


def test_every_package_is_listed(config, files):
    folders = {Path(name).parent for name in files if Path(name).name == "__init__.py"}
    packages = {".".join(("salesorder_m365", *folder.parts)) for folder in folders}
    assert set(lines(config["options"]["packages"])) == packages


def test_what_the_plugin_imports_is_what_it_requires(config):
    imported = set()
    for path in (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(str(node.module).partition(".")[0])
    known = packages_distributions()
    imported -= {*sys.stdlib_module_names, "salesorder_m365"}
    required = {
        re.match(r"[\w.-]+", line)[0].lower()
        for line in lines(config["options"]["install_requires"])
    }
    assert {known[name][0].lower() for name in imported} == required


def test_the_entry_points_lead_somewhere(config):
    section = config["options.entry_points"]
    for group in ("console_scripts", "salesorder_m365.commands"):
        for line in lines(section[group]):
            name, _, value = line.partition(" = ")
            loaded = EntryPoint(name=name, value=value, group=group).load()
            assert isinstance(loaded, click.Command)


def test_the_wheel_holds_the_packages_their_data_and_nothing_else(built, config, files):
    with zipfile.ZipFile(built[0]) as archive:
        names = set(archive.namelist())
    packages = [name.split(".")[1:] for name in lines(config["options"]["packages"])]
    floors = {parts[0] for parts in packages if parts}
    expected = {
        f"salesorder_m365/{name}"
        for name in files
        if name.partition("/")[0] in floors or name in {"__init__.py", "py.typed"}
    }
    assert {name for name in names if ".dist-info/" not in name} == expected
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"salesorder_m365"}


def test_the_sdist_is_complete(built, files):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert set(files) - names == set()
    assert [name for name in names if "__pycache__" in name or ".venv" in name] == []


def test_the_installed_wheel_serves_a_host(installed, tmp_path):
    run(installed, "-I", SMOKE, tmp_path, cwd=tmp_path)


def test_the_installed_wheel_brings_the_kit_for_hosts(installed, tmp_path):
    suite = ("--pyargs", "salesorder_m365.testing.conformance")
    host = ("--salesorder-host", "salesorder_m365.demo.testing:host")
    said = run(
        installed, "-I", "-m", "pytest", "-p", "no:cacheprovider", *suite, *host, cwd=tmp_path
    )
    assert " passed" in said.stdout
    assert "failed" not in said.stdout


def test_the_installed_command_runs(installed, tmp_path):
    command = installed.with_name("salesorder-m365")
    help_text = run(command, "--help", cwd=tmp_path).stdout
    assert {"db", "demo", "keys", "settings", "simulator"} <= set(help_text.split())


def test_a_neighbour_with_folders_of_the_same_names_breaks_neither(
    built, neighbour, make_venv, tmp_path
):
    python = make_venv(built[0], neighbour)
    run(python, "-I", SMOKE, tmp_path, cwd=tmp_path)
    script = (
        "from salesorder_m365.hooks import create_manager\n"
        "import hooks, schemas, plugin\n"
        "lists = create_manager().hook.salesorder_account_kinds()\n"
        "print(*sorted(kind.kind for kinds in lists for kind in kinds))\n"
        "print(*(module.__file__ for module in (hooks, schemas, plugin)))\n"
    )
    kinds, places = run(python, "-I", "-c", script, cwd=tmp_path).stdout.splitlines()
    assert kinds == "m365 neighbour"
    assert "salesorder_m365" not in places


def test_the_wheel_brings_nothing_that_hosts_detect():
    """Tryton and others ask the DNS about every address once these can be imported."""
    brought, todo = set(), ["salesorder-m365"]
    while todo:
        name = canonicalize_name(todo.pop())
        if name not in brought:
            brought.add(name)
            wanted = map(Requirement, metadata.requires(name) or ())
            todo += [r.name for r in wanted if not r.marker or r.marker.evaluate({"extra": ""})]
    assert {"msal", "marshmallow", "sqlalchemy"} <= brought
    assert {"dnspython", "email-validator"} & brought == set()


def test_registering_imports_nothing_heavy(installed, tmp_path):
    script = (
        "import sys\n"
        "from salesorder_m365.hooks import create_manager\n"
        "assert create_manager().has_plugin('m365')\n"
        "print(*sys.modules, sep='\\n')\n"
    )
    seen = run(installed, "-I", "-X", "importtime", "-c", script, cwd=tmp_path)
    # importtime sees what was imported and dropped again, but no importlib.import_module.
    timed = {line.rpartition("|")[2].strip() for line in seen.stderr.splitlines()}
    modules = timed | set(seen.stdout.split())
    assert "salesorder_m365.hooks.spec" in timed
    assert "salesorder_m365.hooks.implementations" in modules
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
