"""Bring a database to the current schema with Alembic; refuse one that is newer."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from ..errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The revision that this plugin works with: the newest one in migrations/versions.
CURRENT = "0006"
_VERSION_TABLE = "m365_alembic_version"
#: An arbitrary number for PostgreSQL's advisory lock: "m365" in ASCII.
_LOCK = 0x6D333635


def current_revision(connection: Connection) -> str | None:
    """Return the schema's revision, None for a database without our tables."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608 - a constant
    return revision


def ensure_current(engine: Engine) -> None:
    """Upgrade the database if it is older; only one process at a time does so."""
    with engine.connect() as connection:
        if current_revision(connection) == CURRENT:
            return
    with _alone(engine) as connection:
        revision = current_revision(connection)
        if revision == CURRENT:
            return  # another process was quicker
        if revision is not None and revision > CURRENT:
            raise StoreError("database_of_newer_version", schema=revision, known=CURRENT)
        _upgrade(connection)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(m365_write=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _LOCK})
        yield connection


def _upgrade(connection: Connection) -> None:
    # Imported here: Alembic is needed once in a database's life.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    with as_file(files(__package__) / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        config.attributes["version_table"] = _VERSION_TABLE
        command.upgrade(config, "head")
