"""Where the settings come from: ``--host`` on every command, and no database made by looking."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner
from salesorder_m365.plugin.cli import main
from salesorder_m365.plugin.settings import file as settings_file
from salesorder_m365.plugin.settings.database import database_place
from salesorder_m365.plugin.settings.file import write_settings
from salesorder_m365.plugin.settings.reading import PREFIX, read_settings
from salesorder_m365.plugin.upkeep import doctor
from support import generic_host
from support.erp import Erp

HOST = ("--host", "support.generic_host:THE_HOST")


def every_command(group=main, *above):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from every_command(command, *above, name)
        else:
            yield " ".join((*above, name)), command


#: Those that need no settings: a key out of nothing, and what writes the settings.
WITHOUT = {"keys new", "setup", "completion"}
COMMANDS = {words: command for words, command in every_command() if words not in WITHOUT}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_that_reads_settings_takes_a_host(command):
    options = {name for option in command.params for name in option.opts}
    assert {"--config", "--host"} <= options


@pytest.fixture
def host(live, tmp_path, monkeypatch):
    """A host that decides itself where its database and its callback are."""
    own = live | {"database_url": f"sqlite:///{tmp_path}/hosts.db", "callback_path": "/erp/back"}
    made = Erp(read_settings({PREFIX + name.upper(): value for name, value in own.items()}))
    monkeypatch.setattr(generic_host, "THE_HOST", made, raising=False)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    return made


@pytest.fixture
def bare():
    """Run a command without any settings in the environment."""

    def bare(*args, typed=None):
        result = CliRunner().invoke(main, args, input=typed)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result

    return bare


def test_the_hosts_settings_win(host, run, bare):
    for say in (run, bare):
        shown = say("settings", "check", *HOST).stdout
        assert "http://localhost:8365/erp/back" in shown
        assert "hosts.db" in shown


def test_what_is_done_is_done_in_the_hosts_database_and_told_to_it(host, bare, sim, tmp_path):
    assert bare("db", "upgrade", *HOST).exit_code == 0
    assert (tmp_path / "hosts.db").exists()
    names = ("--name", "Sales", "--sender-name", "Desk", "--sender-email", "sales@contoso.test")
    assert bare("accounts", "add", *names, *HOST).exit_code == 0
    assert host.event_names() == ["mail_account_created"]
    (view,) = json.loads(bare("accounts", "list", "--json", *HOST).stdout)
    assert view["values"]["account_name"] == "Sales"
    assert bare("keys", "check", *HOST).exit_code == 0
    saw = {check["name"]: check for check in json.loads(bare("doctor", "--json", *HOST).stdout)}
    assert "/erp/back" in saw["Redirect URI"]["saw"]
    assert [f["code"] for f in saw["Redirect URI"]["findings"]] == ["redirect_uri_unknown"]


def test_a_host_may_be_made_without_settings(host, bare, monkeypatch):
    monkeypatch.setattr(generic_host, "make", lambda: host, raising=False)
    shown = bare("settings", "check", "--host", "support.generic_host:make").stdout
    assert "/erp/back" in shown


def test_a_host_beside_the_command_is_found(host, bare, tmp_path, monkeypatch):
    (tmp_path / "erp_of_this_test.py").write_text(
        "from support import generic_host\nhost = generic_host.THE_HOST\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    assert bare("settings", "check", "--host", "erp_of_this_test:host").exit_code == 0


def test_a_hosts_keys_are_not_written_into_a_file(host, bare):
    refused = bare("keys", "add", *HOST)
    assert refused.exit_code == 2
    assert "keys new" in refused.stderr


#: Every command that needs accounts, as one would type it.
LOOKING = [
    ("accounts", "list"),
    ("accounts", "show", "Sales"),
    ("accounts", "test", "Sales"),
    ("accounts", "test", "--all"),
    ("accounts", "login", "Sales", "--device"),
    ("accounts", "delete", "Sales", "--yes"),
    ("accounts", "disconnect", "Sales", "--yes"),
    ("folders", "show", "Sales"),
    ("folders", "map", "Sales", "--suggested"),
    ("events",),
    ("keys", "check"),
    ("keys", "rotate"),
]


@pytest.mark.parametrize("args", LOOKING, ids=[" ".join(args) for args in LOOKING])
def test_looking_makes_no_database(run, database, monkeypatch, tmp_path, args):
    monkeypatch.chdir(tmp_path)
    for url, file in (
        (f"sqlite:///{database}", database),
        ("sqlite:///relative.db", tmp_path / "relative.db"),
    ):
        result = run(*args, database_url=url)
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"There is no database at {file}." in result.stderr
        assert "salesorder-m365 db upgrade" in result.stderr
        assert not file.exists()
        assert not database.parent.exists()


def test_an_empty_database_is_told_from_none(run, database):
    database.parent.mkdir()
    database.touch()
    result = run("accounts", "list")
    assert result.exit_code == 2
    assert f"The database at {database} does not have the plugin's tables yet." in result.stderr


def test_adding_an_account_makes_the_database(run, database):
    names = ("--name", "Sales", "--sender-name", "Desk", "--sender-email", "sales@contoso.test")
    assert run("accounts", "add", *names).exit_code == 0
    assert database.exists()


PLACES = [
    ("sqlite:////srv/erp/m365.db", "/srv/erp/m365.db"),
    ("sqlite:////srv/erp/m365.db?timeout=5", "/srv/erp/m365.db"),
    ("postgresql+psycopg://erp:canary@db:5432/erp?sslmode=require", "db:5432/erp"),
    ("postgresql+psycopg://erp:can/ary@db/erp", "db/erp"),
    ("postgresql+psycopg://db/erp", "db/erp"),
]


@pytest.mark.parametrize(("url", "place"), PLACES)
def test_a_databases_place_is_shown_without_its_password(url, place):
    assert database_place(url) == place


def test_an_expired_secret_is_no_wrong_setting_but_is_told(run):
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    result = run("settings", "check", client_secret_expires=yesterday.isoformat())
    assert result.exit_code == 1
    assert f"The client secret expired on {yesterday}." in result.stdout
    assert "complete" not in result.stdout
    assert run("settings", "check", client_secret_expires="2099-06-30").exit_code == 0


# Windows, as far as it can be played here ------------------------------------------------------


def test_only_files_opened_for_writing_are_synced(given, tmp_path, mocker):
    """Windows refuses to sync others (EBADF)."""
    opened, synced = {}, []
    real_open, real_sync = os.open, os.fsync

    def remember(path, flags, *rest):
        handle = real_open(path, flags, *rest)
        opened[handle] = flags
        return handle

    def sync(handle):
        synced.append(Path(f"/proc/self/fd/{handle}").is_dir() or bool(opened[handle] & os.O_RDWR))
        real_sync(handle)

    mocker.patch.object(settings_file.os, "open", remember)
    mocker.patch.object(settings_file.os, "fsync", sync)
    write_settings(tmp_path / "erp.ini", given, over=False)
    assert synced == [True, True]


def test_on_windows_nobody_is_asked_for_chmod(tmp_path, mocker, given):
    file = tmp_path / "erp.ini"
    write_settings(file, given, over=False)
    file.chmod(0o644)
    looked = doctor.Doctor(SimpleNamespace(), file)
    assert [found.code for found in looked._settings().findings] == ["settings_readable"]
    mocker.patch.object(doctor.os, "name", "nt")
    assert looked._settings().findings == ()
