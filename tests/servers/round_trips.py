"""Round trips to Dovecot and Postfix, ours beside the libraries'; `make round-trips` shows them.

Proxies count them, and make the servers as far away as Microsoft's may be, so that the clock
shows them too.
"""

import base64
import logging
import os
import smtplib
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from imapclient import IMAPClient, SocketTimeout
from rich.console import Console
from rich.table import Table
from salesorder_m365.plugin.connection.probe import probe
from salesorder_m365.plugin.transport.imap import imap_session
from salesorder_m365.plugin.transport.smtp import smtp_session
from salesorder_m365.plugin.vault.renewal import AccessToken
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.simulator.simulator import Simulator
from servers.delay import DelayProxy
from servers.running import missing, running_dovecot, running_postfix

SALES = "sales@contoso.test"
#: Seconds.
ROUND_TRIP = 0.05


@dataclass(frozen=True)
class Seen:
    """One way to do it: what was counted, and what the clock says."""

    imap: int
    smtp: int
    seconds: float
    side_by_side: bool = False

    @property
    def counted(self) -> int:
        """The round trips that one waits for: those of the slower one, or of both in turn."""
        return max(self.imap, self.smtp) if self.side_by_side else self.imap + self.smtp


class Distant:
    """Mail servers as far away as the proxies make them, a token for them, and our settings."""

    def __init__(self, sim: Simulator, imap: DelayProxy, smtp: DelayProxy) -> None:
        self.imap, self.smtp = imap, smtp
        self.context = ssl.create_default_context(cafile=str(sim.ca_file))
        self.token = sim.new_token(SALES)
        self.settings = load_settings(
            {
                "tenant": "contoso.test",
                "client_id": sim.registration.client_id,
                "client_secret": sim.registration.client_secret,
                "authority": sim.authority,
                "base_url": "http://localhost:8365",
                "database_url": "sqlite:////nowhere/m365.db",
                "key_ring": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
                "imap": f"localhost:{imap.port}",
                "smtp": f"localhost:{smtp.port}",
                "ca_file": str(sim.ca_file),
            }
        )

    def measured(self, way: "Way") -> Seen:
        """Take one way, and return what the proxies counted."""
        self.imap.trips.clear()
        self.smtp.trips.clear()
        began = time.monotonic()
        way(self)
        seconds = time.monotonic() - began
        trips = [*self.imap.trips, *self.smtp.trips]
        _await(lambda: all(trip.ended for trip in trips))
        return Seen(
            sum(trip.count for trip in self.imap.trips),
            sum(trip.count for trip in self.smtp.trips),
            seconds,
            len(trips) == 2 and max(t.began for t in trips) < min(t.ended for t in trips),
        )


Way = Callable[[Distant], None]


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until, "a client has not left"
        time.sleep(0.01)


@contextmanager
def distant_servers(sim: Simulator, imap_port: int, smtp_port: int) -> Iterator[Distant]:
    """Put the proxies before the servers."""
    with ExitStack() as running:
        proxies = [
            running.enter_context(DelayProxy(port, ROUND_TRIP)) for port in (imap_port, smtp_port)
        ]
        yield Distant(sim, *proxies)


def by_imapclient(distant: Distant) -> None:
    timeout = SocketTimeout(5, 10)
    client = IMAPClient(
        "localhost", distant.imap.port, ssl_context=distant.context, timeout=timeout
    )
    client.oauth2_login(SALES, distant.token)
    assert client.list_folders()
    client.logout()


def by_smtplib(distant: Distant) -> None:
    blob = f"user={SALES}\x01auth=Bearer {distant.token}\x01\x01"
    with smtplib.SMTP("localhost", distant.smtp.port, "erp.test", 10) as client:
        client.starttls(context=distant.context)
        client.ehlo()
        client.auth("XOAUTH2", lambda challenge=None: "" if challenge else blob)
        assert client.mail(SALES)[0] == 250
        client.rset()


def by_the_libraries(distant: Distant) -> None:
    by_imapclient(distant)
    by_smtplib(distant)


def by_our_imap(distant: Distant) -> None:
    with imap_session(distant.settings, mailbox=SALES, token=distant.token) as session:
        assert session.folders()


def by_our_smtp(distant: Distant) -> None:
    with smtp_session(distant.settings, username=SALES, token=distant.token) as session:
        session.check_sender(SALES)


def by_test_connection(distant: Distant) -> None:
    token = AccessToken(secret=distant.token, expires_at=time.time() + 3600, scopes=())
    report = probe(
        distant.settings,
        account_id="m365:1",
        mailbox=SALES,
        username=SALES,
        sender=SALES,
        token=lambda rejected: token,
        progress=None,
        now=lambda: datetime.now(UTC),
    )
    assert report.passed, report.findings


WAYS: Mapping[Way, tuple[str, str]] = {
    by_imapclient: ("IMAP", "IMAPClient: oauth2_login, list_folders, logout"),
    by_our_imap: ("IMAP", "ours: sign-in, one LIST"),
    by_smtplib: ("SMTP", "smtplib: EHLO, STARTTLS, EHLO, AUTH, MAIL, RSET, QUIT"),
    by_our_smtp: ("SMTP", "ours: the same"),
    by_the_libraries: ("both", "IMAPClient, then smtplib"),
    by_test_connection: ("both", "ours: Test Connection, side by side"),
}


def measure(distant: Distant) -> dict[Way, Seen]:
    """Take every way once."""
    by_our_imap(distant)  # the first sign-in makes the mailbox
    return {way: distant.measured(way) for way in WAYS}


def print_table(seen: Mapping[Way, Seen], console: Console | None = None) -> None:
    title = "Round trips to Dovecot and Postfix"
    table = Table("", "how", "round trips", f"at {ROUND_TRIP * 1000:.0f} ms each", title=title)
    for way, result in seen.items():
        table.add_row(*WAYS[way], str(result.counted), f"{result.seconds:.2f} s")
    (console or Console(width=None if sys.stdout.isatty() else 100)).print(table)


def main() -> int:
    """Start everything, measure, and print the table."""
    if reason := missing():
        Console(stderr=True).print(f"Not here: {reason}.")
        return 1
    logging.disable(logging.CRITICAL)
    with (
        Simulator() as sim,
        running_dovecot(sim) as mail,
        running_postfix(sim, mail) as submission,
        distant_servers(sim, mail.imap_port, submission.port) as distant,
    ):
        print_table(measure(distant))
    return 0


if __name__ == "__main__":
    sys.exit(main())
