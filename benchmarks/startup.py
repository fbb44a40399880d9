"""B1: what loading and registering the plugin costs a host, beside ``import msal``.

Each is a process of its own, measured from its start to its end; what a process with a bare pluggy
plugin costs is taken off both. The bare plugin comes by an entry point too.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .measure import Kind, Pairs, Row, in_turn
from .world import Plan, World

_BARE = """\
import pluggy, bare_spec
manager = pluggy.PluginManager("bare")
manager.add_hookspecs(bare_spec)
manager.load_setuptools_entrypoints("bare")
manager.check_pending()
assert manager.has_plugin("bare")
"""
_OURS = """\
from salesorder_m365.hooks import create_manager
assert create_manager().has_plugin("m365")
"""
_SPEC = """\
import pluggy
hookspec = pluggy.HookspecMarker("bare")
hookimpl = pluggy.HookimplMarker("bare")

@hookspec
def bare_call(): ...
"""
_PLUGIN = """\
from bare_spec import hookimpl

@hookimpl
def bare_call(): return 1
"""
_PROGRAMS = {"bare": _BARE, "ours": _OURS, "msal": _BARE + "import msal\n"}


@contextmanager
def prepared(_world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Give the measurement."""
    with tempfile.TemporaryDirectory(prefix="m365-bench-") as folder:
        _install_bare(Path(folder))
        environment = os.environ | {"PYTHONPATH": folder}
        programs = [_Program(text, environment) for text in _PROGRAMS.values()]

        def measure() -> Iterator[Row]:
            bare, ours, msal = in_turn(programs, turns=plan.startup_turns)
            yield (
                Pairs(ours, msal)
                .less(bare)
                .row(
                    bench="B1",
                    what="time to load and register, over a bare plugin",
                    peer="import msal",
                    goal=0.5,
                )
            )
            yield _memory(*programs)

        yield measure


def _memory(bare: "_Program", ours: "_Program", msal: "_Program") -> Row:
    megabyte = 2**20
    return Pairs(ours.memory(), bare.memory()).row(
        bench="B1",
        what="memory added to a bare plugin's process",
        peer="the bare process",
        kind=Kind.DIFFERENCE,
        scale=1 / megabyte,
        unit="MB",
        goal=12.0,
        notes={"import msal adds": (max(msal.memory()) - max(bare.memory())) / megabyte},
    )


class _Program:
    """A program that a new interpreter runs."""

    def __init__(self, text: str, environment: dict[str, str]) -> None:
        self._command = [sys.executable, "-c", text]
        self._environment = environment

    def __call__(self) -> None:
        subprocess.run(self._command, env=self._environment, check=True)

    def memory(self, times: int = 5) -> list[float]:
        """Return the most memory that the process had resident, in bytes."""
        peaks = []
        # Not getrusage: after an exec its figure still holds the parent's memory.
        tail = "\nprint(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
        *interpreter, text = self._command
        for _ in range(times):
            seen = subprocess.run(
                [*interpreter, text + tail],
                env=self._environment,
                check=True,
                capture_output=True,
                text=True,
            )
            peaks.append(int(seen.stdout) * 1024.0)
        return peaks


def _install_bare(folder: Path) -> None:
    (folder / "bare_spec.py").write_text(_SPEC)
    (folder / "bare_plugin.py").write_text(_PLUGIN)
    info = folder / "bare-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bare\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[bare]\nbare = bare_plugin\n")
