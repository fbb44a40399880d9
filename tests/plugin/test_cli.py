"""The command line: clear lines, exit statuses, commands that come by entry point, no traceback."""

import base64
import socket
import sqlite3
from importlib.metadata import EntryPoint, EntryPoints

import pytest
from click.testing import CliRunner
from salesorder_m365 import __version__
from salesorder_m365.plugin import cli
from salesorder_m365.plugin.settings import PREFIX
from salesorder_m365.plugin.store.upgrade import CURRENT
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.simulator import command as simulator

RING = "k1:" + base64.b64encode(b"canary-key-of-thirty-two-bytes!!").decode()


@pytest.fixture
def database(tmp_path):
    return tmp_path / "new" / "accounts.db"


@pytest.fixture
def run(database):
    """Run ``salesorder-m365`` with good settings in the environment; `changes` go over them."""
    good = {
        "tenant": "contoso.test",
        "client_id": "00000000-0000-4000-8000-000000000001",
        "client_secret": "canary-secret",
        "base_url": "https://erp.example.com",
        "database_url": f"sqlite:///{database}",
        "key_ring": RING,
    }

    def run(*args, **changes):
        env = {PREFIX + name.upper(): value for name, value in {**good, **changes}.items()}
        result = CliRunner().invoke(cli.main, args, env=env)
        assert "Traceback" not in result.output
        assert "canary" not in result.output
        return result

    return run


@pytest.fixture
def offer(monkeypatch):
    """Let these entry points be all that the installed distributions offer."""

    def offer(**named):
        points = EntryPoints(
            EntryPoint(name=name, value=value, group=cli.COMMANDS) for name, value in named.items()
        )
        monkeypatch.setattr(cli, "entry_points", points.select)

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
    names = {line.partition(":")[0] for line in result.stderr.splitlines()}
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
            "client_id": "1",
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
    assert f"database {CURRENT} (current)" in run("db", "upgrade").stdout
    assert f"database {CURRENT} (current)" in run("db", "current").stdout


REVISIONS = [("0000", "old"), ("9999", "of a newer version")]


@pytest.mark.parametrize(("stored", "words"), REVISIONS, ids=[row[0] for row in REVISIONS])
def test_current_tells_another_schema_and_leaves_it(run, database, stored, words):
    run("db", "upgrade")
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE m365_alembic_version SET version_num = ?", (stored,))
    connection.close()
    for _ in range(2):
        assert f"database {stored} ({words}" in run("db", "current").stdout


FAILING = [
    (("db", "upgrade"), {"database_url": "sqlite://"}, "names no file"),
    (("db", "current"), {"database_url": "nonsense"}, "database_url is not usable"),
    (("db", "current"), {"database_url": "sqlite:////proc/version"}, "did not answer"),
    (("db", "current"), {"tenant": "common"}, PREFIX + "TENANT"),
]


@pytest.mark.parametrize(("args", "changes", "words"), FAILING, ids=[row[2] for row in FAILING])
def test_errors_of_ours_are_one_line_with_status_1(run, args, changes, words):
    result = run(*args, **changes)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert words in line


def test_commands_come_by_entry_point(run, offer):
    offer(key_maker="salesorder_m365.plugin.cli:new", broken="no_such_library:command")
    assert "key_maker" in run("--help").stdout
    assert ":" in run("key_maker").stdout


def test_a_missing_extra_names_the_remedy(run, offer):
    offer(demo="no_such_library.demo:command")
    result = run("demo", "--port", "9000")
    assert result.exit_code == 1
    assert "pip install 'salesorder-m365[demo]'" in result.stderr
    assert "no_such_library is not installed" in result.stderr
    listing = run("--help")
    assert listing.exit_code == 0
    assert "needs the extra [demo]" in listing.stdout


def test_a_module_of_ours_that_is_missing_is_not_called_an_extra(offer):
    offer(demo="salesorder_m365.no_such_module:command")
    result = CliRunner().invoke(cli.main, ["demo"])
    assert isinstance(result.exception, ModuleNotFoundError)


def test_an_unknown_command_is_refused_by_name(run):
    result = run("simulate")
    assert result.exit_code == 2
    assert "simulate" in result.stderr


def test_the_simulators_options_reach_it(mocker):
    serve = mocker.patch.object(simulator, "serve")
    args = ("--port", "1", "--imap-port", "2", "--redirect-uri", "http://localhost:1/back")
    assert CliRunner().invoke(simulator.command, args).exit_code == 0
    assert serve.call_args.kwargs == {
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
