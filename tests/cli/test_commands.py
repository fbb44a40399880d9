"""The command line: clear lines, exit statuses, commands that come by entry point, no traceback."""

import socket
import sqlite3
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from click.testing import CliRunner
from salesorder_m365 import __version__
from salesorder_m365.plugin.cli import main, root
from salesorder_m365.plugin.cli.source import Source
from salesorder_m365.plugin.settings.reading import PREFIX, SECRETS
from salesorder_m365.plugin.store.upgrade import CURRENT
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.simulator import command as simulator
from tools import command_page


@pytest.fixture
def offer(monkeypatch):
    """Let these entry points be all that the installed distributions offer."""

    def offer(**named):
        points = EntryPoints(
            EntryPoint(name=name, value=value, group=root.COMMANDS) for name, value in named.items()
        )
        monkeypatch.setattr(root, "entry_points", points.select)

    return offer


def test_tells_its_version(run):
    assert run("--version").stdout.strip().endswith(__version__)


def test_good_settings_are_complete_and_name_the_redirect_uri(run):
    result = run("settings", "check")
    assert result.exit_code == 0
    assert "https://erp.example.com/mail/m365/callback" in result.stdout


def test_wrong_settings_are_told_line_by_line_with_status_2(run):
    result = run("settings", "check", tenant="common", cloud="mars", key_ring="canary")
    assert result.exit_code == 2
    assert result.stdout == ""
    *lines, last = result.stderr.splitlines()
    assert last == "Run: salesorder-m365 setup"
    names = {line.partition(":")[0] for line in lines}
    assert names == {PREFIX + "TENANT", PREFIX + "CLOUD", PREFIX + "KEY_RING"}


def test_the_option_names_an_ini_file(run, tmp_path):
    file = tmp_path / "erp.ini"
    file.write_text("[salesorder-m365]\ncallback_path = /back\n")
    result = run("settings", "check", "--config", str(file))
    assert "https://erp.example.com/back" in result.stdout


def test_new_keys_are_fresh_and_fit_the_key_ring(run):
    one, other = (run("keys", "new") for _ in range(2))
    assert one.stdout != other.stdout
    assert one.stdout.strip() not in one.stderr
    assert "secret" in one.stderr
    ring = load_settings(
        {
            "tenant": "contoso.test",
            "client_id": "00000000-0000-4000-8000-000000000001",
            "client_secret": "1",
            "base_url": "https://erp.example.com",
            "database_url": "sqlite:///x.db",
            "key_ring": one.stdout + other.stdout,
        }
    ).key_ring
    assert [len(key.secret) for key in ring] == [32, 32]


def test_current_changes_nothing_and_upgrade_sets_up(run, database):
    before = run("db", "current")
    assert before.exit_code == 0
    assert "not set up yet" in before.stdout
    assert not database.parent.exists()
    assert f"{database}: schema {CURRENT} (current)" in run("db", "upgrade").stdout
    assert f"{database}: schema {CURRENT} (current)" in run("db", "current").stdout


REVISIONS = [("0000", "old"), ("9999", "of a newer version")]


@pytest.mark.parametrize(("stored", "words"), REVISIONS, ids=[row[0] for row in REVISIONS])
def test_current_tells_another_schema_and_leaves_it(run, database, stored, words):
    run("db", "upgrade")
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE m365_alembic_version SET version_num = ?", (stored,))
    connection.close()
    for _ in range(2):
        assert f"{database}: schema {stored} ({words}" in run("db", "current").stdout


FAILING = [
    (("db", "upgrade"), {"database_url": "sqlite:////proc/nowhere/m365.db"}, "cannot"),
    (("db", "current"), {"database_url": "sqlite:////proc/version"}, "did not answer"),
]


@pytest.mark.parametrize(("args", "changes", "words"), FAILING, ids=[row[2] for row in FAILING])
def test_errors_of_ours_are_one_line_with_status_1(run, args, changes, words):
    result = run(*args, **changes)
    assert result.exit_code == 1
    assert result.stdout == ""
    line, *advice = result.stderr.splitlines()
    assert any(step.startswith("1. ") for step in advice)
    assert words in line


def test_wrong_settings_stop_every_command_with_status_2(run, database):
    for command in (("db", "current"), ("accounts", "list"), ("keys", "check"), ("events",)):
        result = run(*command, tenant="common")
        assert result.exit_code == 2
        assert result.stderr.startswith(PREFIX + "TENANT: ")
    assert not database.exists()


def test_commands_come_by_entry_point(run, offer):
    offer(key_maker="salesorder_m365.plugin.cli.keys:new", broken="no_such_library:command")
    assert "key_maker" in run("--help").stdout
    assert ":" in run("key_maker").stdout


def test_a_missing_extra_names_the_remedy(run, offer):
    offer(demo="no_such_library.demo:command")
    result = run("demo", "--port", "9000")
    assert result.exit_code == 1
    assert "pip install 'salesorder-m365[demo]'" in result.stderr
    assert "no_such_library is not installed" in result.stderr
    assert run("--help").exit_code == 0


HEAVY = {"msal", "sqlalchemy", "imapclient", "requests", "marshmallow", "rich", "starlette"}


@pytest.mark.parametrize("args", [["--help"], ["accounts", "--help"], ["keys", "new"]])
def test_help_is_quick(args):
    program = (
        "import sys; from salesorder_m365.plugin.cli import main;"
        f"main({args!r}, standalone_mode=False);"
        f"sys.exit(','.join({HEAVY!r} & set(sys.modules)) or 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr


def test_a_key_is_not_shown_on_a_screen(run, monkeypatch):
    monkeypatch.setattr("salesorder_m365.plugin.cli.keys.on_screen", lambda: True)
    refused = run("keys", "new")
    assert refused.exit_code == 2
    assert "keys add" in refused.stderr
    assert ":" in run("keys", "new", "--show").stdout


def test_a_module_of_ours_that_is_missing_is_a_fault_and_no_extra(run, offer, monkeypatch):
    offer(demo="salesorder_m365.no_such_module:command")
    result = run("demo")
    assert result.exit_code == 1
    assert "Internal error: ModuleNotFoundError" in result.stderr
    assert "SALESORDER_TRACE=1" in result.stderr
    monkeypatch.setenv("SALESORDER_TRACE", "1")
    seen = CliRunner().invoke(main, ["demo"])
    assert isinstance(seen.exception, ModuleNotFoundError)


def test_a_faults_words_are_redacted(run, mocker):
    words = f"Bearer {'canary' * 9}\r\n\x1b[2J"
    mocker.patch.object(Source, "settings", side_effect=RuntimeError(words))
    result = run("db", "current")
    assert result.exit_code == 1
    assert "RuntimeError: [removed]" in result.stderr
    assert "\x1b" not in result.stderr


def test_an_unknown_command_is_refused_by_name(run):
    result = run("simulate")
    assert result.exit_code == 2
    assert "simulate" in result.stderr


def test_the_simulators_options_reach_it(mocker):
    serve = mocker.patch.object(simulator, "serve")
    args = ("--port", "1", "--imap-port", "2", "--redirect-uri", "http://localhost:1/back")
    assert CliRunner().invoke(simulator.command, args).exit_code == 0
    passed = dict(serve.call_args.kwargs)
    assert callable(passed.pop("register"))
    assert passed == {
        "state_dir": None,
        "redirect_uris": ("http://localhost:1/back",),
        "port": 1,
        "imap_port": 2,
        "browser_port": simulator.BROWSER_PORT,
        "smtp_port": simulator.SMTP_PORT,
    }


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(simulator.command, ["--port", str(port)])
    assert result.exit_code == 1
    assert f"Port {port} on 127.0.0.1 is in use" in result.stderr


def test_the_page_is_made_of_the_commands():
    written = command_page.PAGE.read_text(encoding="utf-8")
    assert written == command_page.page(), "run: python tests/tools/command_page.py"


NAMES_OF_READING = {
    *("check", "current", "doctor", "events", "list", "plan", "queue", "show", "status", "test"),
    "trace",
}


def reading(group=main, *above):
    """Yield every command that shows what is there, by its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from reading(command, *above, name)
        elif name in NAMES_OF_READING:
            yield " ".join((*above, name)), command


READING = dict(reading())


@pytest.mark.parametrize("command", READING.values(), ids=READING)
def test_every_reading_command_has_json(command):
    assert "--json" in {name for option in command.params for name in option.opts}


def every_option(group=main):
    for command in group.commands.values():
        if hasattr(command, "commands"):
            yield from every_option(command)
        else:
            yield from command.params


def test_no_option_takes_a_secret():
    assert SECRETS
    names = {name.strip("-").replace("-", "_") for o in every_option() for name in o.opts}
    assert names & {*SECRETS, "secret", "password", "key", "token"} == set()
