"""The quick tests with the lowest versions that setup.cfg allows, in an environment of their own.

`build/lowest/versions.txt` pins what setup.cfg names to its lower bound; pip chooses the rest.
"""

import shutil
import sys

import click
from packaging.requirements import Requirement

from .steps import BUILD, SHIPPED, FailedError, copied, environment, main, requirements, run

FOLDER = BUILD / "lowest"
QUICK = ("tests/schemas", "tests/plugin", "tests/hooks", "tests/simulator", "tests/demo")
#: Of the extra `test`, what these tests need; they get their lower bounds too.
RUNNER = {"gevent", "hypothesis", "pytest", "pytest-mock", "pytest-timeout", "pytest-xdist"}


def lowest(line):
    """Return a requirement pinned to the lowest version that it allows: ``pluggy==1.7``."""
    wanted = Requirement(line)
    found = [each.version for each in wanted.specifier if each.operator in {">=", "==", "~="}]
    if len(found) != 1:
        raise FailedError(f"setup.cfg: {line} has no lower bound; give it one.")
    return f"{wanted.name}=={found[0]}"


def pins():
    """Return the pins of all that is shipped, and of what runs the tests."""
    runner = [line for line in requirements("test") if Requirement(line).name in RUNNER]
    shipped = [line for extra in SHIPPED for line in requirements(extra)]
    return [lowest(line) for line in (*requirements(), *shipped, *runner)]


def command():
    """Install the lowest versions and run the quick tests."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    versions = FOLDER / "versions.txt"
    versions.write_text("".join(f"{pin}\n" for pin in pins()), encoding="utf-8")
    click.echo(versions.read_text(encoding="utf-8"), nl=False)
    source = copied(FOLDER / "source")
    package = f"{source}[{','.join(SHIPPED)}]"
    python = environment(
        *(FOLDER / "venv", "--constraint", versions, *sorted(RUNNER), "--editable", package)
    )
    tests = run(python, "-m", "pytest", "-q", "-n", "2", *QUICK, cwd=source, check=False)
    click.echo(tests.stdout[-4000:] + tests.stderr[-2000:], nl=False)
    return tests.returncode


if __name__ == "__main__":
    sys.exit(main(command))
