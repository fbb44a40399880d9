"""Steps that the commands of a release share: run a program, read setup.cfg, make an environment.

The modules beside this one are commands: ``cd tests && python -m supply.wheel``; the Makefile has
them.
"""

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
#: What a host can install; the other extras are for developers.
SHIPPED = ("demo", "postgresql")


class FailedError(Exception):
    """A step failed; its text is for the person who ran `make`."""


def run(*command, cwd=ROOT, environ=None, check=True):
    """Run a program to its end and return it; what it printed is in the error."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if check and done.returncode:
        words = " ".join(str(part) for part in command)
        raise FailedError(f"{words}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def requirements(extra=None, path=ROOT / "setup.cfg"):
    """Return the requirement lines of the package, or those of one extra."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(path, encoding="utf-8")
    options = parser["options.extras_require"] if extra else parser["options"]
    text = options[extra or "install_requires"]
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def checked_in():
    """Return the files that belong to the repository, relative to its root."""
    listed = run("git", "ls-files", "-co", "--exclude-standard").stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def copied(target):
    """Copy the repository's files, all with the same mode; return the folder.

    Building in the checkout would leave a build/lib there, whose old files end in later wheels.
    """
    for name in checked_in():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, target / name)
        (target / name).chmod(0o644)
    return target


def environment(folder, *wanted):
    """Make a new environment that holds `wanted` and nothing else, not even pip; return its Python.

    The pip that runs this one installs into it.
    """
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *wanted)
    return python


def shipped(folder):
    """Make an environment with the package and all that a host may install with it."""
    with tempfile.TemporaryDirectory(prefix="m365-source-") as source:
        return environment(folder, f"{copied(Path(source))}[{','.join(SHIPPED)}]")


def main(command):
    """Run a command; a step that failed becomes its text on stderr, and status 1."""
    try:
        return command()
    except FailedError as err:
        click.echo(err, err=True)
        return 1
