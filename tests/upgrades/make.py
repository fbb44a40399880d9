"""Write the database of this version as a fixture: ``cd tests && python -m upgrades.make``.

Run it once for each new schema, before the next one is begun. The accounts come about as with a
host: through the hooks, against the simulator. The key that seals the fixtures is in this file and
opens nothing else.
"""

import base64
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from faults.postgres import Postgres
from salesorder_m365.hooks.manager import create_manager
from salesorder_m365.plugin.errors import SignInNeededError
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.store.upgrade import CURRENT
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.simulator.simulator import Simulator

FOLDER = Path(__file__).resolve().parent
KEY = "k1:" + base64.b64encode(bytes(range(32))).decode()
BASE_URL, CALLBACK_PATH = "http://localhost:8365", "/oauth/callback"
WORKER, BROWSER = "worker-1", "a-browser-of-worker-1"


class Host:
    """The least that a host is; everything is allowed."""

    name = "contoso"

    def __init__(self, settings):
        self.settings, self.plugins = settings, create_manager()

    def allows(self, worker, permission, account_id):
        return True

    def now(self):
        return datetime.now(UTC)


def settings_for(sim, database_url):
    """Return settings, as plain values, for a simulator and a database."""
    return {
        "tenant": "contoso.test",
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "authority": sim.authority,
        "base_url": BASE_URL,
        "callback_path": CALLBACK_PATH,
        "database_url": database_url,
        "key_ring": KEY,
        "imap": f"localhost:{sim.imap_port}",
        "smtp": f"localhost:{sim.smtp_port}",
        "ca_file": str(sim.ca_file),
    }


class Office:
    """Somebody at work: makes accounts of each state, by the hooks alone."""

    def __init__(self, sim, database_url):
        self.sim, self.host = sim, Host(load_settings(settings_for(sim, database_url)))
        self.hook = self.host.plugins.hook

    def save(self, name, address):
        """Save an account; return its id."""
        values = {
            "account_name": name,
            "sender_name": f"Contoso {name}",
            "sender_email": address,
            "use_oauth": True,
            "username": "",
        }
        view = self.hook.salesorder_account_save(
            host=self.host,
            kind="m365",
            account_id=None,
            values=values,
            worker=WORKER,
            request_id=f"form of {name}",
        )
        return view.id

    def begin(self, account_id):
        """Begin a sign-in; return where it leads."""
        redirect = self.hook.salesorder_login_begin(
            host=self.host,
            account_id=account_id,
            worker=WORKER,
            browser=BROWSER,
            return_to="/mail/1",
        )
        return redirect.url

    def connected(self, name, address):
        """Save an account and sign in; return its id."""
        account_id = self.save(name, address)
        query = self.sim.sign_in(self.begin(account_id), address)
        outcome = self.hook.salesorder_login_callback(
            host=self.host, query=query, worker=WORKER, browser=BROWSER
        )
        assert outcome.code == "connected", outcome
        return account_id

    def work(self):
        """Make four accounts: tested and mapped, refused by Microsoft, on its way, untouched."""
        sales = {
            "host": self.host,
            "account_id": self.connected("Sales", "sales@contoso.test"),
            "worker": WORKER,
        }
        self.hook.salesorder_test_connection(**sales, progress=None)
        mapping = {"inbox": "INBOX", "sent": "Sent Items"}
        self.hook.salesorder_folder_map(**sales, mapping=mapping)
        buyer = "purchasing@contoso.test"
        self.refused(self.connected("Purchasing", buyer), buyer)
        self.begin(self.save("On its way", "invoices@contoso.test"))
        self.save("Untouched", "archive@contoso.test")

    def refused(self, account_id, address):
        """Let Microsoft refuse the renewal of an account's grant."""
        row = grant.update().where(grant.c.account_id == account_id).values(expires_at=1)
        with writing(engine_for(self.host.name, self.host.settings.database_url)) as connection:
            connection.execute(row)
        self.sim.tenant.revoke_grants(address)
        try:
            self.hook.salesorder_folder_choices(
                host=self.host, account_id=account_id, worker=WORKER
            )
        except SignInNeededError:
            return
        raise AssertionError("Microsoft should have refused.")


def sqlite_dump(path):
    """Return a SQLite database as text."""
    with sqlite3.connect(path) as connection:
        text = "\n".join(connection.iterdump()) + "\n"
    connection.close()
    return text


def postgresql_dump(url):
    """Return a PostgreSQL database as text, without what only psql understands."""
    program = shutil.which("pg_dump")
    assert program, "pg_dump is not installed"
    plain = url.replace("+psycopg", "")
    done = subprocess.run(
        [program, "--inserts", "--no-owner", "--no-privileges", "--no-comments", plain],
        capture_output=True,
        text=True,
        check=True,
    )
    kept = [line for line in done.stdout.splitlines() if not re.match(r"--|\\|SET |$", line)]
    return "\n".join(kept) + "\n"


def main():
    """Let somebody work on an empty SQLite and an empty PostgreSQL database; write both down."""
    redirect = [BASE_URL + CALLBACK_PATH]
    with (
        Simulator(redirect_uris=redirect) as sim,
        Postgres() as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "m365.db"
        Office(sim, f"sqlite:///{path}").work()
        sim.reset()
        url = server.create("upgrades")
        Office(sim, url).work()
        dispose_engines()
        (FOLDER / f"{CURRENT}.sqlite.sql").write_text(sqlite_dump(path), encoding="utf-8")
        (FOLDER / f"{CURRENT}.postgresql.sql").write_text(postgresql_dump(url), encoding="utf-8")
    sys.stdout.write(f"Written: {FOLDER}/{CURRENT}.*.sql\n")


if __name__ == "__main__":
    main()
