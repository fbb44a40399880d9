"""The quick tests with every supported Python that this computer has, each in its environment.

Supported is what setup.cfg's classifiers name. A Python is looked for on the path, in pyenv and
among those of uv; one that is not found is named, and does not fail.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click

from .lowest import RUNNER
from .steps import BUILD, ROOT, SHIPPED, FailedError, main, run

FOLDER = BUILD / "pythons"
#: Where Pythons differ: not in pages and servers.
QUICK = ("tests/schemas", "tests/plugin", "tests/hooks")
_CLASSIFIER = re.compile(r"Programming Language :: Python :: (3\.\d+)$", re.MULTILINE)
_TELL = "import sys; print('%d.%d' % sys.version_info[:2])"


def supported():
    """Return the versions that setup.cfg names, such as ``3.12``."""
    return _CLASSIFIER.findall((ROOT / "setup.cfg").read_text(encoding="utf-8"))


def places(version):
    """Yield where a Python of this version may be."""
    if version == ".".join(map(str, sys.version_info[:2])):
        # Not the environment's: what it was made of.
        yield Path(sys.base_prefix) / "bin" / f"python{version}"
        yield Path(sys.executable)
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local/share/uv/python")
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)
    yield from sorted(uv.glob(f"cpython-{version}.*/bin/python{version}"), reverse=True)


def found(version):
    """Return a Python of this version that runs, or None; pyenv's shims may not."""
    return next((place for place in places(version) if _version_of(place) == version), None)


def _version_of(python):
    try:
        told = subprocess.run(
            [python, "-c", _TELL], capture_output=True, text=True, timeout=60, check=False
        )
    except OSError:
        return None
    return told.stdout.strip() if told.returncode == 0 else None


def prepared(version, python):
    """Return the Python of the version's environment; one that is there and not older is used."""
    folder = FOLDER / version
    ready, inside = folder / ".ready", folder / "bin" / "python"
    if ready.exists() and ready.stat().st_mtime >= (ROOT / "setup.cfg").stat().st_mtime:
        return inside
    shutil.rmtree(folder, ignore_errors=True)
    run(python, "-m", "venv", "--without-pip", folder)
    package = f"{ROOT}[{','.join(SHIPPED)}]"
    wanted = ("--quiet", *sorted(RUNNER), "--editable", package)
    run(sys.executable, "-m", "pip", "--python", inside, "install", *wanted)
    ready.touch()
    return inside


def tested(version, python):
    """Run the quick tests; return whether they pass, and say how they ended."""
    command = ("-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "-p", "no:cacheprovider")
    try:
        done = run(prepared(version, python), *command, *QUICK, check=False)
    except FailedError as err:
        click.echo(f"Python {version} ({python}): {err}")
        return False
    lines = done.stdout.strip().splitlines() or ["no output"]
    click.echo(f"Python {version} ({python}): {lines[-1]}")
    if done.returncode:
        click.echo(done.stdout[-4000:] + done.stderr[-2000:])
    return done.returncode == 0


def command():
    """Test with each Python that is found; status 1 if one fails, 2 if none was found."""
    pythons = {version: found(version) for version in supported()}
    for version, python in pythons.items():
        if python is None:
            click.echo(f"Python {version}: not found here")
    results = [tested(version, python) for version, python in pythons.items() if python]
    if not results:
        return 2
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main(command))
