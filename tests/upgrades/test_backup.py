"""Backup, restore and removal as docs/backup.md and docs/uninstall.md tell them."""

import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import pytest
from salesorder_m365.plugin.store.engines import dispose_engines
from upgrades.make import WORKER

DOCS = Path(__file__).resolve().parents[2] / "docs"
STATES = {
    "Sales": "connected",
    "Purchasing": "sign_in_needed",
    "On its way": "draft",
    "Untouched": "draft",
}


def states(work):
    (views,) = work.hook.salesorder_account_list(host=work.host, worker=WORKER)
    return {view.values.account_name: view.state for view in views}


def statement(page, beginning):
    """The statement of a page that begins so."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.search(rf"{beginning}[^;\"]*", text)[0]


def work_on(work):
    """What happens after the backup, and is lost by restoring it."""
    work.save("Later", "admin@contoso.test")
    (views,) = work.hook.salesorder_account_list(host=work.host, worker=WORKER)
    sales = next(view.id for view in views if view.values.account_name == "Sales")
    work.hook.salesorder_disconnect(host=work.host, account_id=sales, worker=WORKER)
    assert states(work) == {**STATES, "Sales": "draft", "Later": "draft"}
    return sales


def goes_on(work, sales):
    """The old grant serves: its token is renewed, or still good."""
    report = work.hook.salesorder_test_connection(
        host=work.host, account_id=sales, worker=WORKER, progress=None
    )
    assert report.passed


def test_sqlite(tmp_path, office, dispose):
    file = tmp_path / "m365.db"
    work = office(f"sqlite:///{file}")
    work.work()
    with sqlite3.connect(file) as source, sqlite3.connect(tmp_path / "backup.db") as copy:
        source.backup(copy)  # as sqlite3's command .backup, while the host runs
    source.close()
    copy.close()
    sales = work_on(work)

    dispose_engines()
    for name in ("m365.db-wal", "m365.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    shutil.copyfile(tmp_path / "backup.db", file)
    assert states(work) == STATES
    goes_on(work, sales)


@pytest.mark.servers
def test_postgresql(tmp_path, office, new_database, dispose):
    url = new_database()
    plain, file = url.replace("+psycopg", ""), tmp_path / "m365.sql"
    work = office(url)
    work.work()
    subprocess.run(["pg_dump", "--table", "m365_*", "--file", file, plain], check=True)
    sales = work_on(work)

    dispose_engines()
    with psycopg.connect(plain) as connection:
        connection.execute(statement("uninstall.md", "DROP TABLE"))
        left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'm365%'"
        assert connection.execute(left).fetchone() == (0,)
    subprocess.run(["psql", "--quiet", "--single-transaction", "--file", file, plain], check=True)
    assert states(work) == STATES
    goes_on(work, sales)
    assert work.save("Later", "admin@contoso.test")  # numbers of events go on behind the old ones


@pytest.mark.servers
def test_a_schema_of_its_own(office, new_database, dispose):
    url = new_database()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE SCHEMA mail")
    option = re.search(r"\?(options=\S+)`", (DOCS / "many-workers.md").read_text("utf-8"))[1]
    assert office(f"{url}&{option}").save("Sales", "sales@contoso.test")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        places = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'm365%'"
        assert connection.execute(places).fetchall() == [("mail",)]


def test_a_copy_without_grants_is_all_drafts(tmp_path, office, dispose):
    work = office(f"sqlite:///{tmp_path / 'copy.db'}")
    work.work()
    dispose_engines()
    with sqlite3.connect(tmp_path / "copy.db") as connection:
        connection.execute(statement("backup.md", "DELETE FROM"))
    connection.close()
    assert set(states(work).values()) == {"draft"}
