"""A wheel that anybody can build again, to the byte: built twice and compared.

Both builds stand in other folders, with other times of the files, another time zone and another
hash seed; the times in the archive are SOURCE_DATE_EPOCH, or the last commit's.
Source: https://reproducible-builds.org/specs/source-date-epoch/
"""

import hashlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import click

from .steps import ROOT, FailedError, copied, main, run

_SURROUNDINGS = (
    {"TZ": "UTC", "PYTHONHASHSEED": "1", "LC_ALL": "C"},
    {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "2", "LC_ALL": "C.UTF-8"},
)


def epoch():
    """Return the seconds since 1970 that the archive's files get."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return given or run("git", "log", "-1", "--format=%ct").stdout.strip()


def build(files, folder, surroundings):
    """Build the wheel of a copy of `files` in `folder`; return its path."""
    os.umask(0o022)  # setuptools gives the files in the wheel the modes of the moment
    source = shutil.copytree(files, folder / "source", copy_function=shutil.copyfile)
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
        *("--outdir", folder / "dist", source),
        cwd=folder,
        environ={**surroundings, "SOURCE_DATE_EPOCH": epoch()},
    )
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def sha256(path):
    """Return a file's hash."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def twice(folder):
    """Build in two surroundings; return the wheel if both are the same to the byte."""
    files = copied(folder / "files")  # once: somebody may be at work on them
    wheels = [
        build(files, folder / f"{number}-{'x' * number}", surroundings)
        for number, surroundings in enumerate(_SURROUNDINGS, 1)
    ]
    hashes = [sha256(wheel) for wheel in wheels]
    for digest in hashes:
        click.echo(f"sha256 {digest}")
    if len(set(hashes)) > 1:
        raise FailedError("The two wheels differ: compare them with diffoscope.")
    return wheels[0]


def command():
    """Build twice and put the wheel into dist/."""
    with tempfile.TemporaryDirectory(prefix="m365-wheel-") as folder:
        wheel = twice(Path(folder))
        (ROOT / "dist").mkdir(exist_ok=True)
        kept = shutil.copy2(wheel, ROOT / "dist")
    if run("git", "status", "--porcelain").stdout:
        click.echo("The work tree is not as committed: neither is this wheel.")
    click.echo(f"Both builds are the same, with SOURCE_DATE_EPOCH={epoch()}: {kept}")
    return 0


if __name__ == "__main__":
    sys.exit(main(command))
