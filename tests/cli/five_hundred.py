"""``accounts test --all`` over many accounts: cd tests && python -m cli.five_hundred [COUNT]

Prints what the command prints, then its wall time and the most memory that it held.
"""

import base64
import os
import subprocess
import sys
import tempfile
import time

import click
from salesorder_m365.plugin.settings.reading import PREFIX, read_settings
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.simulator.simulator import Simulator
from support.erp import Erp
from support.many_accounts import make_accounts

BASE_URL = "http://localhost:8365"


def environment(sim, folder):
    values = {
        "tenant": "contoso.test",
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "authority": sim.authority,
        "base_url": BASE_URL,
        "database_url": f"sqlite:///{folder}/m365.db",
        "key_ring": f"k1:{base64.b64encode(os.urandom(32)).decode()}",
        "imap": f"localhost:{sim.imap_port}",
        "smtp": f"localhost:{sim.smtp_port}",
        "ca_file": str(sim.ca_file),
    }
    return {PREFIX + name.upper(): value for name, value in values.items()}


def measured(environ, *args):
    """Run the command; return status, seconds, and kilobytes of memory at most."""
    command = (sys.executable, "-m", "salesorder_m365.plugin.cli", *args)
    started = time.monotonic()
    process = subprocess.Popen(command, env=os.environ | environ)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - started, usage.ru_maxrss


def main(count):
    with (
        tempfile.TemporaryDirectory() as folder,
        Simulator(redirect_uris=[f"{BASE_URL}/mail/m365/callback"]) as sim,
    ):
        environ = environment(sim, folder)
        expected = make_accounts(Erp(read_settings(environ)), sim, count)
        dispose_engines()
        status, seconds, kilobytes = measured(environ, "accounts", "test", "--all")
    broken = ", ".join(f"{number} {code}" for code, number in sorted(expected.items()))
    click.echo(f"\nMade: {count} accounts; to be found: {broken}.")
    click.echo(f"Exit status {status}, {seconds:.1f} s, {kilobytes / 1024:.0f} MB at most.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 500)
