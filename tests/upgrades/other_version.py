"""The version before this one: its source out of git, and a process of it to call hooks in."""

import json
import os
import re
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from salesorder_m365.plugin.store.upgrade import CURRENT

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).with_name("worker.py")


def _git(*arguments):
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout


def commit_before():
    """Return the newest commit with another schema than the present one, None if there is none.

    That is the version that was installed when this one's schema came.
    """
    if not (ROOT / ".git").exists():
        return None
    for commit in _git("rev-list", "--first-parent", "HEAD").decode().split():
        if (_schema_of(commit) or CURRENT) != CURRENT:
            return commit
    return None


def _schema_of(commit):
    try:
        upgrade = _git("show", f"{commit}:plugin/store/upgrade.py").decode()
    except subprocess.CalledProcessError:
        return None  # older than the database
    found = re.search(r'^CURRENT = "(\d+)"', upgrade, re.MULTILINE)
    return found[1] if found else None


def unpack(commit, folder):
    """Write the package as it was at a commit; return the folder to import it from."""
    with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as archive:
        archive.extractall(folder / "salesorder_m365", filter="data")
    return folder


class RefusedError(Exception):
    """The other process answered with one of the plugin's errors."""


class Process:
    """A process of another version; use it with `with`."""

    def __init__(self, source, settings):
        self._environ = {**os.environ, "PYTHONPATH": str(source)}
        self._settings = settings

    def __enter__(self):
        self._process = subprocess.Popen(
            [sys.executable, WORKER],
            env=self._environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._write(self._settings)
        self.revision = self.answer()
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _write(self, value):
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def ask(self, hook, **arguments):
        """Call a hook and do not wait; `answer` comes next."""
        self._write({"hook": f"salesorder_{hook}", **arguments})

    def answer(self):
        """Return what the hook that was asked answered."""
        said = json.loads(self._process.stdout.readline())
        if "error" in said:
            raise RefusedError(said["error"], said["text"])
        return said["answer"]

    def call(self, hook, **arguments):
        """Call a hook; return its answer as plain JSON."""
        self.ask(hook, **arguments)
        return self.answer()
