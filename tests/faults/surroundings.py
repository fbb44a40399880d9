"""Faults of what a host runs in, B1 and B4: green threads, and many databases in one process."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

import psycopg
from salesorder_m365.plugin.store.engines import engine_for, reading
from salesorder_m365.simulator.tenant.people import PASSWORD
from sqlalchemy import text

from .bench import TESTS, Bench, await_true
from .registry import POSTGRESQL, SQLITE, fault

_DATABASES, _THREADS = 15, 5
_COUNT = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'host_%'"


@fault(
    "B1",
    "gevent: sign-in, test and folders, alone and 8 at once",
    expected={"alone": "all pass", "at once": "8 times all pass"},
    on=(SQLITE,),
)
def green_threads(bench: Bench) -> Mapping[str, Any]:
    given = {
        "settings": bench.values(database_url=bench.lab.new_url(SQLITE)),
        "ca_file": str(bench.sim.ca_file),
        "sites": [bench.sim.authority, bench.sim.browser_url],
        "password": PASSWORD,
    }
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-m", "support.under_gevent"],
        input=json.dumps(given),
        cwd=TESTS,
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    if ran.returncode:
        return {"alone": ran.stderr[-500:]}
    seen = json.loads(ran.stdout)
    good = [each["passed"] and each["outcome"] == "connected" for each in seen["at_once"]]
    return {
        "alone": "all pass" if seen["alone"]["passed"] else seen["alone"],
        "at once": f"{good.count(True)} times all pass",
    }


@fault(
    "B4",
    f"{_DATABASES} databases, each used by {_THREADS} threads at once, and then by nobody",
    expected={"connections at work": _DATABASES * _THREADS, "when idle": "at most 15"},
    on=(POSTGRESQL,),
)
def many_databases(bench: Bench) -> Mapping[str, Any]:
    names = [f"host_{number}_{os.getpid()}" for number in range(_DATABASES)]
    engines = [
        engine_for(name, bench.lab.postgres.create(name), idle_seconds=1.0) for name in names
    ]
    together = threading.Barrier(_DATABASES * _THREADS + 1)

    def work(engine: Any) -> None:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
            together.wait(60)  # all hold a connection now
            together.wait(60)  # and have been counted

    threads = [
        threading.Thread(target=work, args=(engine,)) for engine in engines for _ in range(_THREADS)
    ]
    for thread in threads:
        thread.start()
    together.wait(60)
    at_work = _connections(bench)
    together.wait(60)
    for thread in threads:
        thread.join()
    await_true(
        lambda: _connections(bench) <= _DATABASES, "connections that are closed", seconds=90.0
    )
    return {"connections at work": at_work, "when idle": "at most 15"}


def _connections(bench: Bench) -> int:
    with psycopg.connect(bench.lab.url(POSTGRESQL).replace("+psycopg", "")) as connection:
        found = connection.execute(_COUNT).fetchone()
    assert found is not None
    return int(found[0])
