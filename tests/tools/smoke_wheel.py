"""What a host does first with the installed wheel; run by test_packaging.py in a venv of its own.

Usage: python -I smoke_wheel.py FOLDER, where FOLDER takes the database.
"""

import base64
import os
import sqlite3
import sys
from datetime import UTC, datetime
from pathlib import Path

import salesorder_m365
from salesorder_m365.hooks import create_manager
from salesorder_m365.plugin.settings.reading import read_settings


class Host:
    """The least that a host is."""

    name = "smoke"
    plugins = create_manager()

    def __init__(self, database):
        self.settings = read_settings(
            {
                "SALESORDER_M365_TENANT": "contoso.test",
                "SALESORDER_M365_CLIENT_ID": "00000000-0000-4000-8000-000000000001",
                "SALESORDER_M365_CLIENT_SECRET": "smoke",
                "SALESORDER_M365_BASE_URL": "https://erp.example.com",
                "SALESORDER_M365_DATABASE_URL": f"sqlite:///{database}",
                "SALESORDER_M365_KEY_RING": "k1:" + base64.b64encode(os.urandom(32)).decode(),
            }
        )

    def allows(self, worker, permission, account_id):
        return True

    def now(self):
        return datetime.now(UTC)


def main(folder):
    assert Path(salesorder_m365.__file__).is_relative_to(sys.prefix), salesorder_m365.__file__
    host = Host(folder / "smoke.db")
    assert host.plugins.has_plugin("m365"), "the entry point did not register the plugin"
    kinds = [kind for kinds in host.plugins.hook.salesorder_account_kinds() for kind in kinds]
    assert "m365" in [kind.kind for kind in kinds]
    # The first call that needs the database runs the migrations.
    lists = host.plugins.hook.salesorder_account_list(host=host, worker="smoke")
    assert [] in lists
    with sqlite3.connect(folder / "smoke.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "m365_alembic_version" in tables


if __name__ == "__main__":
    main(Path(sys.argv[1]))
