"""The plugin as a foreign pytest run meets it: hardly at all."""

import re
import subprocess
import sys

import pytest

PROBE = """
import sys

def test_what_is_loaded(pytestconfig, record_property):
    assert pytestconfig.pluginmanager.has_plugin("salesorder_m365")
    print("LOADED", *sorted(sys.modules))
"""
HEAVY = {
    *("msal", "imapclient", "sqlalchemy", "alembic", "requests", "marshmallow", "cryptography"),
    *("starlette", "uvicorn", "trustme", "jinja2", "click"),
}


@pytest.fixture
def foreign(tmp_path):
    """Run pytest in a folder of somebody else's, without this project's other plugins."""

    def run(source, *options):
        (tmp_path / "test_foreign.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(
            [*command, "test_foreign.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_foreign_run_imports_four_modules_of_ours_and_nothing_heavy(foreign):
    others = [f"-pno:{name}" for name in ("anyio", "hypothesispytest", "xdist", "pytest_mock")]
    ended = foreign(PROBE, "-s", *others)
    assert ended.returncode == 0, ended.stdout
    (line,) = [line for line in ended.stdout.splitlines() if "LOADED" in line]
    loaded = set(line.partition("LOADED ")[2].split())
    ours = {name for name in loaded if name.split(".")[0] == "salesorder_m365"}
    assert ours == {
        "salesorder_m365",
        "salesorder_m365.testing",
        "salesorder_m365.testing.option",
        "salesorder_m365.testing.plugin",
    }
    assert {name.split(".")[0] for name in loaded} & HEAVY == set()


def test_every_name_that_a_foreign_run_sees_is_ours_by_its_prefix(foreign):
    ended = foreign("", "--fixtures", "-v")
    section = ended.stdout.partition("fixtures defined from salesorder_m365.testing.plugin")[2]
    section = section.partition("fixtures defined from")[0]
    names = re.findall(r"^(\w+)(?: \[session scope\])? -- ", section, re.MULTILINE)
    assert {"m365_simulator", "m365_account", "m365_fault"} <= set(names)
    assert [name for name in names if not name.startswith("m365_")] == []


def test_what_is_wanting_is_named_with_the_command_that_brings_it(foreign):
    source = """
import sys
sys.modules["trustme"] = None

def test_it(m365_simulator):
    pass
"""
    said = foreign(source).stdout
    assert "The simulator needs trustme" in said
    assert "pip install 'salesorder-m365[testing]'" in said
    assert "Traceback" not in said


def test_what_one_test_switched_the_next_one_finds_undone(foreign):
    source = """
def test_one(m365_fault, m365_account, m365_simulator):
    m365_fault("smtp_auth_off")
    m365_fault("unavailable")
    m365_simulator.tenant.create_folder("sales@contoso.test", "Left behind")

def test_next(m365_simulator):
    assert not m365_simulator.tenant.policies.smtp_auth_disabled
    assert len(m365_simulator.faults) == 0
    assert "Left behind" not in m365_simulator.tenant.folders("sales@contoso.test")
"""
    ended = foreign(source, "-p", "no:randomly", "-W", "error")
    assert "2 passed" in ended.stdout, ended.stdout
