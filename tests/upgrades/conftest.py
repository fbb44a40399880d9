"""Databases of older versions, as the fixtures beside this file hold them."""

import sqlite3
from itertools import count

import psycopg
import pytest
from faults.postgres import NotInstalledError, Postgres
from salesorder_m365.plugin.store.engines import dispose_engines
from upgrades.make import FOLDER, Office


@pytest.fixture(scope="session")
def postgres():
    try:
        with Postgres() as server:
            yield server
    except NotInstalledError as err:
        pytest.skip(str(err))


@pytest.fixture(scope="session")
def new_database(request):
    """Return a function that makes an empty PostgreSQL database; the server starts when asked."""
    numbers = count(1)
    return lambda: request.getfixturevalue("postgres").create(f"upgrade_{next(numbers)}")


@pytest.fixture
def stored(tmp_path, new_database, dispose):
    """Return a function that makes a database as a version left it, and returns its URL."""

    def make(revision, dialect):
        text = (FOLDER / f"{revision}.{dialect}.sql").read_text(encoding="utf-8")
        if dialect == "sqlite":
            with sqlite3.connect(tmp_path / "m365.db") as connection:
                connection.executescript(text)
            connection.close()
            return f"sqlite:///{tmp_path / 'm365.db'}"
        url = new_database()
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute(text)
        return url

    return make


@pytest.fixture
def dispose():
    """Close this process's connections when the test is over."""
    yield
    dispose_engines()


@pytest.fixture
def office(sim):
    """Return a function that opens a database for somebody at work."""
    return lambda url: Office(sim, url)
