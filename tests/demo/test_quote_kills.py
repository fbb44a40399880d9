"""The ERP is killed while a quote is handed over: the next start sends it, and sends it once."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from salesorder_m365.demo import server
from salesorder_m365.demo.server import Demo, Ports
from salesorder_m365.plugin.settings.reading import PREFIX

SALES, BUYER, BROWSER = "sales@contoso.test", "info@contoso.test", "b" * 32
#: A click that dies where its first argument says.
CLICK = """
import os, signal, sys, time
from salesorder_m365.demo.erp.handing_over import hand_over
from salesorder_m365.demo.erp.host import host_of
from salesorder_m365.demo.erp.quote_mails import QuoteMail, QuoteMails
from salesorder_m365.hooks import read_settings
where, account = sys.argv[1:]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
host = host_of(read_settings())
mail = host.quote_mails.intend(QuoteMail(
    request_id="quote-4711-1-killed", quote=4711, version=1, account=account,
    recipients="info@contoso.test", subject="Q-KILLED", text="Hello", file_name="q.pdf",
    file=b"%PDF-", previewed="", worker="admin", at=time.time(),
))
if where == "before the call":
    die()
QuoteMails.settle = die
hand_over(host, mail, 0)
"""


def connected(demo):
    """Make an account and sign it in; return its id."""
    hook, who = demo.host.plugins.hook, {"host": demo.host, "worker": "admin"}
    values = {
        "account_name": "Sales",
        "sender_name": "Sales Desk",
        "sender_email": SALES,
        "use_oauth": "on",
    }
    made = hook.salesorder_account_save(
        kind="m365", account_id=None, values=values, request_id="r", **who
    )
    left = hook.salesorder_login_begin(
        account_id=made.id, browser=BROWSER, return_to="/setup", **who
    )
    query = demo.simulator.sign_in(left.url, SALES)
    assert hook.salesorder_login_callback(query=query, browser=BROWSER, **who).code == "connected"
    return made.id


def arrived(demo):
    return sum(b"Q-KILLED" in each for each in demo.simulator.tenant.messages(BUYER))


def ports_of(demo):
    """Return where a demo listens: under another address it would be another ERP."""
    simulator = demo.simulator
    found = (
        re.search(r":(\d+)$", each)
        for each in (demo.url, simulator.browser_url, simulator.authority)
    )
    host, browser, tls = (int(each[1]) for each in found)
    return Ports(
        host=host, browser=browser, tls=tls, imap=simulator.imap_port, smtp=simulator.smtp_port
    )


@pytest.mark.parametrize("where", ["before the call", "after the call"])
def test_what_a_killed_erp_meant_to_send_is_sent_once(tmp_path, mocker, where):
    settings = mocker.spy(server, "load_settings")
    # The click's own process is the only one that could send.
    mocker.patch.object(server, "Scheduler")
    with Demo(tmp_path, Ports(host=0, browser=0, tls=0, imap=0, smtp=0)) as demo:
        account, ports = connected(demo), ports_of(demo)
        given = {PREFIX + name.upper(): text for name, text in settings.call_args.args[0].items()}
        click = subprocess.run(
            [sys.executable, "-c", CLICK, where, account],
            env=os.environ | given,
            timeout=60,
            check=False,
        )
        assert click.returncode == -signal.SIGKILL
        (left,) = demo.host.quote_mails.not_handed_over(before=time.time() + 1)
        assert left.request_id == "quote-4711-1-killed"
    mocker.stopall()
    with Demo(tmp_path, ports) as demo:
        until = time.monotonic() + 60
        while not (arrived(demo) and not demo.host.quote_mails.not_handed_over(before=time.time())):
            assert time.monotonic() < until
            time.sleep(0.1)
        mails = demo.host.plugins.hook.salesorder_mail_deliveries(
            host=demo.host,
            account_id=account,
            state=None,
            document="quote:4711",
            worker="admin",
            limit=10,
            before=None,
        )
        assert [mail.request_id for mail in mails] == ["quote-4711-1-killed"]
        assert arrived(demo) == 1
