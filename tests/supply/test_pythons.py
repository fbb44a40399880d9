"""Which Pythons are found, and which skips make a run worthless."""

import stat
import sys

import pytest
from supply import pythons, skipped


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A computer on which only the running Python is found."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return tmp_path


def program(path, says):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


RUNNING = ".".join(map(str, sys.version_info[:2]))
OTHER = "3.12" if RUNNING != "3.12" else "3.13"


def test_supported_is_what_the_package_says():
    assert pythons.supported() == ["3.11", "3.12", "3.13"]


def test_the_running_one_is_found_without_its_environment(nowhere):
    assert pythons.found(RUNNING)
    assert pythons.found(OTHER) is None


def test_a_shim_that_does_not_run_is_passed_over_for_pyenvs_own(nowhere):
    program(nowhere / "bin" / f"python{OTHER}", "exit 127")
    assert pythons.found(OTHER) is None
    own = nowhere / "pyenv" / "versions" / f"{OTHER}.1" / "bin" / f"python{OTHER}"
    program(own, f"echo {OTHER}")
    assert pythons.found(OTHER) == own


def test_another_version_under_the_name_is_not_taken(nowhere):
    program(nowhere / "bin" / f"python{OTHER}", "echo 3.9")
    assert pythons.found(OTHER) is None


def test_a_missing_one_is_named_and_a_failing_one_fails(nowhere, mocker, capsys):
    mocker.patch.object(pythons, "prepared", return_value="python")
    ended = mocker.Mock(stdout="2 passed in 1s\n", stderr="", returncode=0)
    mocker.patch.object(pythons, "run", return_value=ended)
    assert pythons.command() == 0
    said = capsys.readouterr().out
    assert f"Python {OTHER}: not found here" in said
    assert f"Python {RUNNING} (" in said
    assert "2 passed" in said
    ended.returncode = 1
    assert pythons.command() == 1


LOG = """\
SKIPPED [1] tests/plugin/wire/test_deadline.py:184: Linux only
{}
3460 passed, 1 skipped in 400.00s (0:06:40)
"""
WORTHLESS = [
    "SKIPPED [12] tests/browser/conftest.py:125: chromium is not installed",
    "SKIPPED [3] tests/servers/conftest.py:22: these programs are missing: dovecot",
    "SKIPPED [1] tests/test_x.py:5: could not import 'furo': No module named 'furo'",
]


@pytest.mark.parametrize("line", WORTHLESS)
def test_a_skip_for_want_of_a_part_is_a_failure(tmp_path, line, capsys):
    log = tmp_path / "log"
    log.write_text(LOG.format(line))
    assert skipped.command(log) == 1
    assert line.partition("] ")[2] in capsys.readouterr().err


def test_a_skip_that_no_installation_changes_is_fine(tmp_path):
    log = tmp_path / "log"
    log.write_text(LOG.format(""))
    assert skipped.command(log) == 0


def test_a_log_of_something_else_is_none(tmp_path):
    log = tmp_path / "log"
    log.write_text("make: *** [Makefile:59: check] Error 1\n")
    assert skipped.command(log) == 1
