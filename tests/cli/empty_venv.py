"""An empty venv outside the repository, and the wheel to install into it; no network is used."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: What a venv has of its own, and what would bring the checkout along.
_NOT_BORROWED = ("salesorder_m365", "__editable__", "__pycache__", "pip", "_distutils", "distutils")


def build_wheel(folder):
    """Build the wheel in a copy of the repository's files, and return it."""
    source = folder / "source"
    listed = _run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation")
    _run(*build, "--outdir", str(folder), str(source))
    shutil.rmtree(source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def stock(home):
    """Put the libraries of the venv that runs the tests into an empty one, as an index would."""
    python = home / "bin" / "python"
    place = "import sysconfig; print(sysconfig.get_path('purelib'))"
    ours, theirs = Path(sysconfig.get_path("purelib")), Path(_run(str(python), "-c", place).strip())
    for found in ours.iterdir():
        if not found.name.startswith(_NOT_BORROWED) and not (theirs / found.name).exists():
            (theirs / found.name).symlink_to(found)


def environment(home):
    """Return the variables that a new administrator's shell has."""
    kept = {name: os.environ[name] for name in ("LANG", "USER") if name in os.environ}
    # The python3 that is typed is the one whose libraries `stock` puts there.
    path = os.pathsep.join((str(Path(sys.base_prefix, "bin")), os.environ["PATH"]))
    return kept | {
        "PATH": path,
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INDEX": "1",
        "VIRTUAL_ENV_DISABLE_PROMPT": "1",
    }


def _run(*command, cwd=None):
    return subprocess.run(
        command, cwd=cwd, check=True, capture_output=True, text=True, timeout=100
    ).stdout
