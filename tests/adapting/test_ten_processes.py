"""Ten processes on one mailbox: never more connections than the settings say."""

import multiprocessing
import smtplib
import time
from collections import Counter

import pytest
from salesorder_m365.hooks import smtp_connection
from support.erp import WORKER, Erp

PROCESSES, SECONDS = 10, 5.0


def send_for(settings, account, seconds, results):
    """Send mail after mail; count what was sent and every code that was not a success."""
    erp, seen = Erp(settings), Counter()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        try:
            with smtp_connection(erp, account, WORKER) as smtp:
                smtp.sendmail("sales@contoso.test", ["b@fabrikam.example.com"], "Subject: x\n\nx")
            seen["sent"] += 1
        except smtplib.SMTPConnectError as err:
            words = "ours" if b"in use" in err.smtp_error else "theirs"
            seen[f"{err.smtp_code} {words}"] += 1
            time.sleep(0.02)
    results.put(seen)


@pytest.mark.timeout(180)
def test_no_connection_is_refused_by_microsofts_limit(sim, settings_for):
    settings = settings_for(sim, mail_connections="2", mail_messages_per_minute="100000")
    account = Erp(settings).connected(sim)
    sim.tenant.policies.connections_per_mailbox = 2
    context = multiprocessing.get_context("forkserver")
    results = context.Queue()
    workers = [
        context.Process(target=send_for, args=(settings, account, SECONDS, results))
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        worker.start()
    seen = sum((results.get(timeout=120) for _ in workers), Counter())
    for worker in workers:
        worker.join()
    print(dict(seen))
    assert seen["sent"] == len(sim.tenant.submissions) > 0
    assert set(seen) <= {"sent", "421 ours"}


def test_without_the_lease_it_would_be_refused(sim, settings_for):
    settings = settings_for(sim, mail_connections="3")
    erp = Erp(settings)
    account = erp.connected(sim)
    sim.tenant.policies.connections_per_mailbox = 2

    def send_on_a_third():
        with smtp_connection(erp, account, WORKER) as third:
            third.sendmail("sales@contoso.test", ["b@fabrikam.example.com"], "Subject: x\n\nx")

    with (
        smtp_connection(erp, account, WORKER),
        smtp_connection(erp, account, WORKER),
        pytest.raises(smtplib.SMTPException) as refused,
    ):
        send_on_a_third()
    assert b"oncurrent connections" in repr(refused.value).encode()
