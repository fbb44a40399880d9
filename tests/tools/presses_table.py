"""Prints what presses say for each switch of the simulator: python tests/tools/presses_table.py"""

import base64
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from salesorder_m365.simulator.simulator import Simulator

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.presses import PRESSES, WAYS, Row, cases, row

BASE_URL, CALLBACK = "http://localhost:8365", "/oauth/callback"


def _values(sim: Simulator, folder: str) -> dict[str, str]:
    return {
        "tenant": "contoso.test",
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "authority": sim.authority,
        "base_url": BASE_URL,
        "callback_path": CALLBACK,
        "database_url": f"sqlite:///{folder}/m365.db",
        "key_ring": f"k1:{base64.b64encode(bytes(32)).decode()}",
        "imap": f"localhost:{sim.imap_port}",
        "smtp": f"localhost:{sim.smtp_port}",
        "ca_file": str(sim.ca_file),
    }


def _shown(said: tuple[str, ...]) -> str:
    return said[0] if len(set(said)) == 1 else " | ".join(said)


def main() -> int:
    """Print the table; return 1 if a press said something else than the one before."""
    table = Table("Switch", "Value", "Token", *WAYS, "Same", title=f"{PRESSES} presses each")
    rows: list[Row] = []
    with Simulator(redirect_uris=[BASE_URL + CALLBACK]) as sim:
        for switch, expired in cases():
            with tempfile.TemporaryDirectory(prefix="m365-presses-") as folder:
                rows.append(row(sim, _values(sim, folder), switch, expired=expired))
            each = rows[-1]
            said = (_shown(each.ways[way]) for way in WAYS)
            token, same = "run out" if expired else "fresh", "yes" if each.same else "NO"
            table.add_row(switch, str(each.value), token, *said, same)
    Console(width=160).print(table)
    return 0 if all(each.same for each in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
