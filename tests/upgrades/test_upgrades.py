"""A database of every older version comes to the present schema with all that was in it."""

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner
from salesorder_m365.plugin.cli import main as command_line
from salesorder_m365.plugin.errors import StoreError
from salesorder_m365.plugin.store import migrations
from salesorder_m365.plugin.store.engines import (
    dispose_engines,
    engine_for,
    reading,
    stored_revision,
    writing,
)
from salesorder_m365.plugin.store.grants import read_grant
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.tables import attempt, grant, metadata
from salesorder_m365.plugin.store.upgrade import CURRENT, current_revision
from sqlalchemy import MetaData, create_engine, inspect, select, text
from sqlalchemy.exc import OperationalError
from upgrades.make import FOLDER, WORKER, settings_for

DIALECTS = ("sqlite", "postgresql")
REVISIONS = sorted(
    {path.stem[1:5] for path in Path(migrations.__file__).parent.glob("versions/m[0-9]*.py")}
)
STORED = sorted({path.name[:4] for path in FOLDER.glob("*.sql")})
CASES = [
    pytest.param(revision, dialect, marks=[pytest.mark.servers] * (dialect != "sqlite"))
    for revision in STORED
    for dialect in DIALECTS
]
VERSIONS = "m365_alembic_version"
UPGRADING = FOLDER.parents[1] / "docs" / "upgrading.md"


def rows(url):
    """All rows of the database by table, but for the version of the schema."""
    engine = create_engine(url)
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        found = {
            table.name: sorted(
                (row._asdict() for row in connection.execute(select(table))), key=repr
            )
            for table in tables.sorted_tables
            if table.name != VERSIONS
        }
    engine.dispose()
    return found


def test_every_schema_before_the_present_one_is_kept():
    assert REVISIONS[-1] == CURRENT
    missing = [
        f"{revision}.{dialect}.sql"
        for revision in REVISIONS[:-1]
        for dialect in DIALECTS
        if not (FOLDER / f"{revision}.{dialect}.sql").exists()
    ]
    assert missing == [], "run upgrades.make with the version that has this schema"


@pytest.mark.parametrize(("revision", "dialect"), CASES)
def test_nothing_is_lost(stored, revision, dialect):
    url = stored(revision, dialect)
    before = rows(url)
    assert len(before["m365_account"]) == 4
    engine_for("contoso", url)
    after = rows(url)
    columns = {name: set(found[0]) if found else set() for name, found in before.items()}
    kept = {
        name: [{key: row[key] for key in row if key in columns[name]} for row in after[name]]
        for name in before
    }
    assert kept == before


@pytest.mark.parametrize(("revision", "dialect"), CASES)
def test_an_upgraded_schema_is_the_present_one(stored, revision, dialect):
    engine = engine_for("contoso", stored(revision, dialect))
    with reading(engine) as connection:
        assert current_revision(connection) == CURRENT
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, *_: name != VERSIONS,
                "compare_server_default": True,
            },
        )
        assert compare_metadata(context, metadata) == []
        found = inspect(connection)
        assert {
            table.name: [key["options"] for key in found.get_foreign_keys(table.name)]
            for table in (grant, attempt)
        } == {table.name: [{"ondelete": "CASCADE"}] for table in (grant, attempt)}


@pytest.mark.parametrize(("revision", "dialect"), CASES)
def test_accounts_are_as_they_were(stored, office, revision, dialect):
    work = office(stored(revision, dialect))
    (views,) = work.hook.salesorder_account_list(host=work.host, worker=WORKER)
    by_name = {view.values.account_name: view for view in views}
    assert {name: view.state for name, view in by_name.items()} == {
        "Sales": "connected",
        "Purchasing": "sign_in_needed",
        "On its way": "draft",
        "Untouched": "draft",
    }
    sales = by_name["Sales"]
    assert sales.report.passed
    assert {folder.role: folder.path for folder in sales.folders} == {
        "inbox": "INBOX",
        "sent": "Sent Items",
    }


@pytest.mark.parametrize(("revision", "dialect"), CASES)
def test_what_was_sealed_opens(stored, office, revision, dialect):
    work = office(stored(revision, dialect))
    ring = KeyRing(work.host.settings.key_ring)
    with reading(engine_for("contoso", work.host.settings.database_url)) as connection:
        holders = connection.scalars(select(grant.c.account_id)).all()
        assert len(holders) == 2
        for account_id in holders:
            row = read_grant(connection, account_id)
            assert row.open_token(ring).count(".") == 2
            assert "RefreshToken" in row.open_cache(ring)


@pytest.mark.parametrize(("revision", "dialect"), CASES)
def test_work_goes_on(stored, office, revision, dialect):
    work = office(stored(revision, dialect))
    account_id = work.connected("New", "sales@contoso.test")
    report = work.hook.salesorder_test_connection(
        host=work.host, account_id=account_id, worker=WORKER, progress=None
    )
    assert report.passed


@pytest.mark.parametrize(
    "dialect", ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)]
)
def test_an_upgrade_that_breaks_off_leaves_the_database_as_it_was(stored, dialect, mocker):
    url = stored("0001", dialect)
    before = rows(url)
    # The tables of 0002 are half made when their indexes are.
    fault = OperationalError("", {}, OSError())
    broken = mocker.patch("alembic.op.create_index", side_effect=fault)
    with pytest.raises(StoreError):
        engine_for("contoso", url)
    assert broken.called
    assert rows(url) == before
    assert stored_revision(url) == "0001"
    mocker.stopall()
    assert rows_after_upgrade(url).keys() > before.keys()


def rows_after_upgrade(url):
    engine_for("contoso", url)
    return rows(url)


# Back again ------------------------------------------------------------------------------------


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.servers), "sqlite"])
def newer(request, stored):
    """The URL of a database that a later version has upgraded."""
    url = stored(STORED[-1], request.param)
    with writing(engine_for("later", url)) as connection:
        connection.execute(text(f"UPDATE {VERSIONS} SET version_num = '9999'"))
    dispose_engines()
    return url


def test_an_older_version_refuses_a_newer_database_and_leaves_it_alone(newer, office):
    before = rows(newer)
    work = office(newer)
    with pytest.raises(StoreError) as refused:
        work.hook.salesorder_account_list(host=work.host, worker=WORKER)
    found = refused.value.finding
    said = f"{found.title}. {found.what}"
    assert re.search(rf"9999.*{CURRENT}.*newer version.*Nothing was changed", said)
    quoted = re.findall(r"^> (.*)$", UPGRADING.read_text(encoding="utf-8"), re.MULTILINE)
    assert re.sub(r"\d{4}", "…", " ".join(quoted)) == re.sub(r"\d{4}", "…", said)
    assert rows(newer) == before


def test_the_command_line_says_so_too(newer, sim, tmp_path):
    before = rows(newer)
    lines = (f"{name} = {value}" for name, value in settings_for(sim, newer).items())
    config = tmp_path / "erp.ini"
    config.write_text("\n".join(["[salesorder-m365]", *lines]) + "\n")
    current, upgrade = (
        CliRunner().invoke(command_line, ["db", word, "--config", str(config)])
        for word in ("current", "upgrade")
    )
    assert "newer version" in current.output
    assert upgrade.exit_code == 1
    assert f"this plugin knows {CURRENT}" in upgrade.output
    assert rows(newer) == before


def test_no_script_undoes_a_schema():
    # A downgrade would drop what only the newer version knows; a backup is the way back.
    for path in Path(migrations.__file__).parent.glob("versions/m[0-9]*.py"):
        assert "def downgrade" not in path.read_text(encoding="utf-8")
