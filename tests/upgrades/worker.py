"""One process of a host, with whatever version of the package is on its path.

It reads a line of JSON with the settings, then one per call of a hook, such as
``{"hook": "salesorder_account_list", "worker": "w7"}``. A line answers each: ``{"answer": …}``
or ``{"error": "StoreError", "text": "…"}``.
"""

import json
import sys
from datetime import UTC, datetime

from salesorder_m365.hooks.manager import create_manager
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.store.upgrade import CURRENT
from salesorder_m365.schemas.plain import to_plain
from salesorder_m365.schemas.settings import load_settings


class Host:
    """The least that a host is; everything is allowed."""

    name = "contoso"

    def __init__(self, settings):
        self.settings, self.plugins = settings, create_manager()

    def allows(self, worker, permission, account_id):
        return True

    def now(self):
        return datetime.now(UTC)


def answered(host, line):
    """Call a hook; return what is to be written."""
    arguments = json.loads(line)
    hook = getattr(host.plugins.hook, arguments.pop("hook"))
    try:
        return {"answer": to_plain(hook(host=host, **arguments))}
    except M365Error as err:
        return {"error": type(err).__name__, "text": str(err)}


def write(value):
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def main():
    """Answer calls until nobody asks any more."""
    host = Host(load_settings(json.loads(sys.stdin.readline())))
    write({"answer": CURRENT})
    for line in sys.stdin:
        write(answered(host, line))


if __name__ == "__main__":
    main()
