"""Print each switch of the simulator with what a client hears of it: make simulator-words"""

import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table
from salesorder_m365.simulator.simulator import Simulator
from salesorder_m365.simulator.tenant.policies import DESCRIPTIONS

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.hearings import heard

CALLBACK = "http://localhost:8365/mail/m365/callback"
_MOST = 200


def table(sim):
    """Return the table: switch, what is heard, the source of the words."""
    rows = Table("switch", "heard", "source", show_lines=True)
    for described in DESCRIPTIONS:
        turned, _ = heard(sim, described.name)
        rows.add_row(described.name, excerpt(turned, described.words), described.source)
    return rows


def excerpt(said, words):
    """Return the line that has the words; the last one where the switch has none of its own."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = next((line for line in lines if words and words in line), lines[-1])
    start = max(0, found.find(words) - 20) if words else 0
    return found[start : start + _MOST]


if __name__ == "__main__":
    with Simulator(redirect_uris=[CALLBACK]) as running:
        Console(width=160 if not sys.stdout.isatty() else None).print(table(running), markup=False)
