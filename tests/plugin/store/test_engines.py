"""Engines: whose file, for whom, how many connections, and what a fork finds."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest
from faults.bench import await_true
from faults.postgres import NotInstalledError, Postgres
from salesorder_m365.plugin.errors import StoreError
from salesorder_m365.plugin.store.engines import (
    dispose_engines,
    engine_for,
    reading,
    stored_revision,
    writing,
)
from salesorder_m365.plugin.store.forks import Gate
from salesorder_m365.plugin.store.idle import Idle
from sqlalchemy import text

pytestmark = pytest.mark.usefixtures("disposed")


@pytest.fixture
def disposed():
    yield
    dispose_engines()


# The host's own file -----------------------------------------------------------------------------


@pytest.fixture
def hosts(tmp_path):
    """The database file of a host."""
    file = tmp_path / "erp.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE party (id INTEGER PRIMARY KEY)")
    connection.commit()
    connection.close()
    return file


@pytest.mark.parametrize("opened", [lambda url: engine_for("contoso", url), stored_revision])
def test_the_hosts_own_file_is_refused_at_once_and_left_as_it_was(hosts, opened):
    before = hosts.read_bytes()
    with pytest.raises(StoreError) as refused:
        opened(f"sqlite:///{hosts}")
    assert refused.value.code == "database_of_the_host"
    assert "party" in refused.value.finding.what
    assert hosts.read_bytes() == before
    assert sorted(path.name for path in hosts.parent.iterdir()) == ["erp.db"]


def test_also_where_the_host_is_writing(hosts):
    connection = sqlite3.connect(hosts)
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError) as refused:
        engine_for("contoso", f"sqlite:///{hosts}")
    connection.close()
    assert refused.value.code == "database_of_the_host"


def test_also_where_an_older_version_kept_accounts_in_it(hosts):
    connection = sqlite3.connect(hosts)
    connection.execute("CREATE TABLE m365_account (id TEXT)")
    connection.close()
    with pytest.raises(StoreError) as refused:
        engine_for("contoso", f"sqlite:///{hosts}")
    assert ".dump m365_%" in " ".join(refused.value.finding.steps)


def test_a_file_of_its_own_opens_again(tmp_path):
    url = f"sqlite:///{tmp_path}/a name with % and #.db"
    engine_for("contoso", url)
    dispose_engines()
    assert engine_for("contoso", url)


# For its user only -------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077], ids=oct)
def test_file_and_folders_are_for_their_user_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        engine = engine_for("contoso", f"sqlite:///{tmp_path}/erp/mail/m365.db")
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM m365_notice"))
            beside = {path.name: path for path in (tmp_path / "erp" / "mail").iterdir()}
            modes = {name: stat.S_IMODE(path.stat().st_mode) for name, path in beside.items()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("m365.db", "m365.db-wal", "m365.db-shm"), 0o600)
    for folder in (tmp_path / "erp", tmp_path / "erp" / "mail"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_what_is_there_keeps_its_mode(tmp_path):
    file = tmp_path / "m365.db"
    file.touch()
    file.chmod(0o640)
    engine_for("contoso", f"sqlite:///{file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


# Connections -------------------------------------------------------------------------------------


class Turns:
    """Lets all threads hold a connection at once."""

    def __init__(self, count):
        self.barrier = threading.Barrier(count)

    def work(self, engine):
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
            self.barrier.wait(30)


@pytest.mark.servers
def test_fifteen_databases_and_five_threads_leave_few_connections(record_property):
    try:
        with Postgres() as server:
            urls = [server.create(f"tenant_{number}") for number in range(15)]
            closed = threading.Semaphore(0)
            engines = [engine_for(url, url, idle_seconds=1) for url in urls]
            for engine in engines:
                engine.dispose_ = engine.dispose
                engine.dispose = lambda engine=engine: (engine.dispose_(), closed.release())
            turns = Turns(75)
            threads = [
                threading.Thread(target=turns.work, args=(engine,))
                for engine in engines
                for _ in range(5)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            watching = server.create("watching")
            at_work = _connections(watching)
            for _ in engines:
                assert closed.acquire(timeout=60)
            # The server's processes end a moment after their connections.
            await_true(lambda: _connections(watching) == 0, "no connections")
            left = _connections(watching)
            for name, count in (("at work", at_work), ("idle", left)):
                record_property(name, count)
                sys.stdout.write(f"15 databases, 5 threads, {name}: {count} connections\n")
            assert at_work == 75
            assert left == 0
            with reading(engines[0]) as connection:  # and it opens again
                assert connection.scalar(text("SELECT 1")) == 1
            dispose_engines()
    except NotInstalledError as err:
        pytest.skip(str(err))


def _connections(watching):
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'tenant_%'"
    with psycopg.connect(watching.replace("+psycopg", "")) as connection:
        (count,) = connection.execute(query).fetchone()
    return count


def test_what_is_used_is_not_closed_and_what_is_idle_is_closed_once():
    idle, closed = Idle(), threading.Event()
    closings = []
    idle.watch("a", lambda: (closings.append("a"), closed.set()), 0.2)
    idle.watch("never used", lambda: closings.append("never used"), 0.2)
    idle.touch("a")
    assert closed.wait(10)
    idle.touch("not watched")
    closed.clear()
    idle.touch("a")
    assert closed.wait(10)
    assert closings == ["a", "a"]
    idle.touch("a")
    threads = [each for each in threading.enumerate() if each.name == "m365-idle"]
    idle.forget()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


# Forks -------------------------------------------------------------------------------------------


def test_a_gate_lets_nobody_in_until_it_opens():
    gate, entered = Gate(), threading.Event()
    gate.close()

    def enter():
        with gate.passed():
            entered.set()

    thread = threading.Thread(target=enter)
    thread.start()
    assert not entered.wait(0.1)
    with gate.passed():  # the forking thread itself may
        pass
    gate.open()
    assert entered.wait(10)
    thread.join()


def test_a_gate_closes_when_the_last_one_is_out():
    gate, order = Gate(), []
    inside, out = threading.Event(), threading.Event()

    def stay():
        with gate.passed(), gate.passed():
            inside.set()
            out.wait(10)
            order.append("out")

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait(10)
    threading.Timer(0.1, out.set).start()
    gate.close()
    order.append("closed")
    thread.join()
    assert order == ["out", "closed"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_no_child_hangs_that_is_forked_while_threads_work(tmp_path):
    assert _forked(tmp_path, "100") == "100 children, 0 hung\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_without_the_gate_some_do(tmp_path):
    """The control: what the test above looks for is there to be found."""
    assert _forked(tmp_path, "1000", "ungated") != "1000 children, 0 hung\n"


def _forked(tmp_path, *arguments):
    program = Path(__file__).with_name("forking.py")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program, f"sqlite:///{tmp_path}/m365.db", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout
