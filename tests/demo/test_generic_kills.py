"""40 Generic accounts of the reference host, replaced and restored by a command killed 20 times.

`pytest --log-cli-level=INFO tests/demo/test_generic_kills.py` prints the figures.
"""

import base64
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest
from salesorder_m365.demo.erp.database import Database
from salesorder_m365.demo.erp.generics import Generics, Seed
from salesorder_m365.plugin.settings.reading import PREFIX
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for

log = logging.getLogger(__name__)
COUNT, KILLS = 40, 20
#: Runs ``salesorder-m365`` and kills itself before or after the n-th call that our code makes or
#: that reaches SQLite, counted from the first account on; with 0 it lives, and prints how many.
COMMAND = """
import os, signal, sys
from pathlib import Path
from sqlalchemy.engine import default
import salesorder_m365.demo.erp.host, salesorder_m365.plugin.use_cases
from salesorder_m365.plugin.cli import main
root = Path(salesorder_m365.__file__).parent
places = (*(str(root / part) for part in ("schemas", "plugin", "hooks", "demo")), default.__file__)
last, calls, counting = int(sys.argv.pop(1)), 0, False
def count(frame, event, arg):
    global calls, counting
    counting |= frame.f_code.co_name == "turn"
    calls += counting and frame.f_code.co_filename.startswith(places)
    if counting and calls == last:
        os.kill(os.getpid(), signal.SIGKILL)
sys.setprofile(count)
try:
    main()
finally:
    sys.setprofile(None)
    print(calls)
"""


class Bench:
    """The database, and the command on it."""

    def __init__(self, folder):
        folder.mkdir()
        self.file = folder / "erp.sqlite3"
        self.seeds = [
            Seed(
                id=f"generic:{number}",
                name=f"Branch {number}",
                address=f"branch{number}@contoso.test",
                used_by=(f"Orders of branch {number}", f"Invoices of branch {number}"),
            )
            for number in range(COUNT)
        ]
        settings = {
            "tenant": "contoso.test",
            "client_id": "00000000-0000-4000-8000-000000000001",
            "client_secret": "1",
            "base_url": "https://erp.example.com",
            "database_url": Database(self.file).url,
            "key_ring": f"k1:{base64.b64encode(bytes(range(32))).decode()}",
        }
        self.env = os.environ | {PREFIX + name.upper(): value for name, value in settings.items()}
        self.env["SALESORDER_HOST"] = "salesorder_m365.demo.erp.host:host_of"
        Generics(Database(self.file)).add(self.seeds)
        engine_for("kills", settings["database_url"])
        dispose_engines()
        self.run("plan")

    def run(self, *words, last=0):
        """Run ``generic …``; return the exit status, or minus the signal, and the last line."""
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, str(last), "generic", *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in {0, -signal.SIGKILL}, done.stdout + done.stderr
        return done.returncode, int(done.stdout.split()[-1]) if done.returncode == 0 else 0

    def query(self, sql):
        """Ask the host's file, or the plugin's for its tables."""
        file = self.file.with_name("m365.sqlite3") if "m365_" in sql else self.file
        with closing(sqlite3.connect(file)) as connection:
            return connection.execute(sql).fetchall()

    def hosts(self):
        """Everything that the host keeps of its Generic accounts."""
        return {
            "accounts": sorted(self.query("SELECT * FROM host_generic_account")),
            "uses": sorted(self.query("SELECT purpose, account FROM host_mail_use")),
        }

    def check(self):
        """Nothing is lost, nothing is there twice; return how many are Generic, new, kept."""
        old = Counter(
            address for (address,) in self.query("SELECT address FROM host_generic_account")
        )
        new, kept = Counter(), set()
        if self.query("SELECT 1 FROM sqlite_master WHERE name = 'm365_retired'"):
            new.update(
                address for (address,) in self.query("SELECT sender_email FROM m365_account")
            )
            kept = {id_ for (id_,) in self.query("SELECT generic_id FROM m365_retired")}
        for seed in self.seeds:
            assert old[seed.address] <= 1
            assert new[seed.address] <= 1
            assert old[seed.address] or (new[seed.address] and seed.id in kept), seed.address
        assert sum(old.values()) + len(kept) >= COUNT
        return sum(old.values()), sum(new.values()), len(kept)

    def events(self):
        return Counter(name for (name,) in self.query("SELECT name FROM m365_event"))


def killed_and_resumed(bench, calls, rng, *words):
    """Kill the command at random points of the whole way, then let it end; return what was left."""
    whole, idle = calls[words]
    points = sorted(rng.randrange(1, whole - idle) for _ in range(KILLS))
    seen = []
    for before, point in zip([0, *points], points, strict=False):
        status, _ = bench.run(*words, last=idle + point - before)
        assert status == -signal.SIGKILL
        seen.append(bench.check())
    assert bench.run(*words)[0] == 0
    return seen


@pytest.mark.timeout(900)
def test_killed_at_20_points_each_none_is_lost_none_is_twice_and_all_come_back(tmp_path):
    rng = random.Random(20)
    replace, restore = ("replace", "--now", "--yes"), ("restore", "--delete-new", "--yes")
    rehearsal = Bench(tmp_path / "rehearsal")
    calls = {
        words: (rehearsal.run(*words)[1], rehearsal.run(*words)[1]) for words in (replace, restore)
    }

    bench = Bench(tmp_path / "killed")
    before = bench.hosts()
    seen = killed_and_resumed(bench, calls, rng, *replace)
    log.info("replace killed %d times; Generic, new, kept after each: %s", KILLS, seen)
    assert bench.check() == (0, COUNT, COUNT)
    assert len({account for _, account in bench.hosts()["uses"]}) == COUNT
    log.info("replaced: %s, events: %s", bench.check(), dict(bench.events()))
    assert bench.events() == {
        "mail_account_created": COUNT,
        "mail_account_generic_kept": COUNT,
        "mail_account_generic_deleted": COUNT,
    }

    seen = killed_and_resumed(bench, calls, rng, *restore)
    log.info("restore killed %d times; Generic, new, kept after each: %s", KILLS, seen)
    assert bench.hosts() == before
    assert bench.check() == (COUNT, 0, COUNT)
    log.info("restored: %s, events: %s", bench.check(), dict(bench.events()))
    assert bench.events()["mail_account_generic_restored"] == COUNT
    assert bench.events()["mail_account_deleted"] == COUNT
