"""The database: migrated at first use, equal to the tables' definition, refused when newer."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from salesorder_m365.plugin.errors import SealError, StoreError
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.keys import check_keys
from salesorder_m365.plugin.store.mail_tables import metadata
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.schemas.settings import Key
from sqlalchemy import text


@pytest.fixture
def url(tmp_path):
    yield f"sqlite:///{tmp_path}/sub/accounts.db"
    dispose_engines()


def test_the_migrations_make_the_tables_as_defined(url):
    with engine_for("contoso", url).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": "m365_alembic_version",
                "include_name": lambda name, kind, _: kind != "table" or name.startswith("m365_"),
            },
        )
        assert compare_metadata(context, metadata) == []


def test_one_engine_per_host_and_database(url, tmp_path):
    other = f"sqlite:///{tmp_path}/other.db"
    assert engine_for("a", url) is engine_for("a", url)
    assert engine_for("a", url) is not engine_for("b", other)


def test_a_database_of_a_newer_version_is_left_alone(url):
    engine = engine_for("contoso", url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE m365_alembic_version SET version_num = '9999'"))
    dispose_engines()
    with pytest.raises(StoreError, match="The database is at schema 9999"):
        engine_for("contoso", url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "no file"),
        ("nonsense", "not usable"),
        ("sqlite:////proc/nowhere/accounts.db", "cannot be"),
    ],
)
def test_an_unusable_database_gets_a_clear_error(url, words):
    with pytest.raises(StoreError, match=words):
        engine_for("contoso", url)


def test_a_wrong_key_is_found_before_any_row_is_read(url):
    engine = engine_for("contoso", url)
    check_keys(engine, KeyRing((Key(id="k1", secret=bytes(32)),)))
    with pytest.raises(SealError, match="not the key that this database knows"):
        check_keys(engine, KeyRing((Key(id="k1", secret=b"x" * 32),)))


def test_a_key_may_be_added(url):
    engine = engine_for("contoso", url)
    first = Key(id="k1", secret=bytes(32))
    check_keys(engine, KeyRing((first,)))
    check_keys(engine, KeyRing((Key(id="k2", secret=b"x" * 32), first)))


def test_only_what_need_not_last_is_stored_without_waiting_for_the_disk(url):
    engine = engine_for("contoso", url)
    for lasting in (True, False, True):
        with writing(engine, lasting=lasting) as connection:
            # SQLite: 1 is NORMAL, which waits in checkpoints only, 2 is FULL, which waits in each.
            found = connection.exec_driver_sql("PRAGMA synchronous").scalar()
        assert found == (2 if lasting else 1)


def test_patience_holds_for_its_own_transaction_only(url):
    engine = engine_for("contoso", url)
    waits = []
    for patience in ({"patience": 1.0}, {}):
        with writing(engine, **patience) as connection:
            waits.append(connection.exec_driver_sql("PRAGMA busy_timeout").scalar())
    with reading(engine) as connection:
        waits.append(connection.exec_driver_sql("PRAGMA busy_timeout").scalar())
    assert waits == [1000, 15000, 15000]
