"""Under gevent, as gunicorn, Celery and Tryton may run a host: the sockets are gevent's then."""

import json
import os
import subprocess
import sys
from pathlib import Path

from salesorder_m365.simulator.tenant.people import PASSWORD

TESTS = Path(__file__).resolve().parents[2]
GREEN = {"outcome": "connected", "passed": True, "findings": [], "roles": 6}


def test_sign_in_test_and_folders_alone_and_eight_at_once(sim, settings_values):
    given = {
        "settings": settings_values(sim),
        "ca_file": str(sim.ca_file),
        "sites": [sim.authority, sim.browser_url],
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
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert json.loads(ran.stdout) == {"patched": True, "alone": GREEN, "at_once": [GREEN] * 8}
