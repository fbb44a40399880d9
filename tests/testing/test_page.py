"""docs/testing-a-host.md against the kit: what it lists it lists whole, and its examples run."""

import re
import subprocess
import sys
from inspect import getmembers

import pytest
from salesorder_m365.testing import plugin
from salesorder_m365.testing.contract import HostUnderTest
from salesorder_m365.testing.faults import Fault
from support.conformance import TESTS
from tools.includes import ROOT

PAGE = (ROOT / "docs/testing-a-host.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MY_ERP = """
from salesorder_m365.testing.accounts import KitHost

class Host(KitHost):
    def allows(self, worker, permission, account_id):
        return worker == "administrator"
"""


def rows(section):
    """The names in the first column of a section's table."""
    text = re.split(rf"^## {section}$", PAGE, flags=re.MULTILINE)[1].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)", text, re.MULTILINE))


def test_the_tables_are_whole():
    fixtures = {name for name in vars(plugin) if name.startswith("m365_")}
    members = {name for name, _ in getmembers(HostUnderTest) if not name.startswith("_")}
    assert rows("Fixtures") == fixtures
    assert rows("Faults") == set(Fault)
    assert rows("The conformance suite") == members
    assert rows("What the suite tests") == TESTS


@pytest.mark.parametrize("override", [False, True], ids=["the kit's host", "a host of one's own"])
def test_the_examples_run(tmp_path, override):
    test, conftest, *_ = EXAMPLES
    (tmp_path / "test_example.py").write_text(test)
    if override:
        (tmp_path / "my_erp").mkdir()
        (tmp_path / "my_erp" / "mail.py").write_text(MY_ERP)
        (tmp_path / "conftest.py").write_text(conftest)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "1 passed" in ended.stdout, ended.stdout + ended.stderr
