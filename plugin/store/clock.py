"""The database's own clock as a SQL expression, so that leases do not depend on workers' clocks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement


class database_now(FunctionElement[float]):  # noqa: N801 - reads as the SQL function that it is
    """Seconds since 1970, with fractions."""

    type = Float()
    inherit_cache = True


@compiles(database_now)
def _standard(*_: Any, **__: Any) -> str:
    # clock_timestamp() moves within a transaction; now() would not.
    return "EXTRACT(EPOCH FROM clock_timestamp())"


@compiles(database_now, "sqlite")
def _sqlite(*_: Any, **__: Any) -> str:
    # unixepoch('subsec') needs SQLite 3.42; the Julian day works everywhere.
    return "((julianday('now') - 2440587.5) * 86400.0)"
