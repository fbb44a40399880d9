"""A clone works in a folder of any name: `git clone` makes ``salesorder-m365``, people make others.

The clones borrow this checkout's environment, and mypy looks at one floor only: what differs with
the folder's name shows itself there too. `.ci/run` does all of its work in such a folder.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("salesorder-m365", "my erp", "x", "1.erp (new)")


@pytest.fixture(scope="module")
def files():
    """The files that belong to the repository, relative to its root."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nobody knows which files belong to it")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture
def clone(files, tmp_path):
    """Return a function that copies the checkout into a folder of this name."""

    def clone(name):
        folder = tmp_path / name
        for file in files:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / file, folder / file)
        (folder / ".venv").symlink_to(sys.prefix)
        return folder

    return clone


def check(folder):
    """Run ``make check`` in its short form, without installing anything."""
    # -o: the environment is taken as it is. One floor is enough for mypy to find its way.
    return subprocess.run(
        ["make", "-o", ".venv/.ready", "check", "PACKAGES=schemas"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("name", FOLDERS)
def test_make_check_passes_in_a_clone_of_any_name(clone, name):
    done = check(clone(name))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Success: no issues found" in done.stdout


PLANTED = {
    "ruff": ("\nimport os\n", "F401"),
    "mypy": ('\n\nPLANTED: int = "text"\n', "[assignment]"),
}


@pytest.mark.parametrize(("planted", "seen"), PLANTED.values(), ids=PLANTED)
def test_a_fault_in_the_clone_is_seen(clone, planted, seen):
    """The clone itself is checked, and not the checkout whose environment it borrows."""
    folder = clone("my erp")
    with (folder / "schemas" / "ids.py").open("a") as module:
        module.write(planted)
    done = check(folder)
    assert done.returncode != 0
    assert seen in done.stdout


def test_modules_and_packages_have_lower_case_names(files):
    """What ruff's N999 holds elsewhere; it also looks at the name of the clone."""
    modules = [Path(name).with_suffix("") for name in files if name.endswith(".py")]
    parts = {part for module in modules for part in module.parts if part != "docs"}
    assert sorted(part for part in parts if not re.fullmatch(r"[a-z_0-9]+", part)) == []
