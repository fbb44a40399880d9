"""A host in a process that gevent has patched, as ``gunicorn -k gevent`` starts it.

Reads settings and the simulator's addresses from stdin (JSON); goes the whole way once alone and
once with eight accounts at the same time; prints what it saw (JSON).
"""

from gevent import monkey

monkey.patch_all()

# Only now: gevent must patch before anything else is imported.
import json  # noqa: E402
import logging  # noqa: E402
import socket  # noqa: E402
import ssl  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
import gevent.socket  # noqa: E402
import gevent.ssl  # noqa: E402
from salesorder_m365.plugin.wire.deadline import (  # noqa: E402
    DeadlineSocket,
    DeadlineSSLSocket,
)
from salesorder_m365.schemas.plain import to_plain  # noqa: E402
from salesorder_m365.schemas.settings import load_settings  # noqa: E402
from salesorder_m365.simulator.browser import PlayedBrowser  # noqa: E402
from support.erp import Erp  # noqa: E402

PEOPLE = ("sales@contoso.test", "purchasing@contoso.test")
AT_ONCE = 8


def whole_way(erp, given, number):
    """Save, sign in, renew, test, list the folders; return what came of it."""
    person = PEOPLE[number % len(PEOPLE)]
    view = erp.save(request_id=f"request-{number}", account_name=f"A {number}", sender_email=person)
    with PlayedBrowser(Path(given["ca_file"]), given["sites"]) as browser:
        query = browser.sign_in(erp.begin(view.id).url, person, given["password"], consent=True)
    outcome = erp.finish(query)
    erp.expire_token(view.id)
    report = erp.test(view.id)
    folders = erp.choices(view.id)
    return {
        "outcome": outcome.code,
        "passed": report.passed,
        "findings": [finding["code"] for finding in to_plain(report)["findings"]],
        "roles": len(folders.roles),
    }


def main():
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    given = json.load(sys.stdin)
    erp = Erp(load_settings(given["settings"]))
    seen = {
        "patched": issubclass(DeadlineSocket, gevent.socket.socket)
        and issubclass(DeadlineSSLSocket, gevent.ssl.SSLSocket)
        and socket.socket is gevent.socket.socket
        and ssl.SSLSocket is gevent.ssl.SSLSocket,
        "alone": whole_way(erp, given, 0),
    }
    crowd = [gevent.spawn(whole_way, erp, given, number) for number in range(1, AT_ONCE + 1)]
    seen["at_once"] = [greenlet.get(timeout=60) for greenlet in crowd]
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main()
