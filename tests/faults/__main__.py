"""The table of faults: `python -m faults` runs every one and exits with 1 if one does not hold.

`--crowds 20` lets crowds of 50 processes ask instead, that many of each kind on each database;
`--rotations 100` kills key rotations, that many on each database.
"""

import argparse
import logging
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.simulator.simulator import Simulator

from . import figures
from .bench import BASE_URL, CALLBACK, Lab
from .catalogue import all_faults
from .registry import FAILS, HOLDS, NOT_RUN, Fault, NotHereError, shown
from .series import print_crowds, print_rotations


@contextmanager
def laboratory() -> Iterator[Lab]:
    """Give a laboratory that ends with the block."""
    with (
        tempfile.TemporaryDirectory(prefix="m365-faults-") as folder,
        Simulator(redirect_uris=[BASE_URL + CALLBACK]) as sim,
    ):
        lab = Lab(sim, Path(folder))
        try:
            yield lab
        finally:
            dispose_engines()
            lab.close()


def tried(lab: Lab, fault: Fault, database: str) -> tuple[str, str]:
    """Return what was seen and whether it holds."""
    try:
        with lab.bench(database) as bench:
            seen = fault.run(bench)
    except NotHereError as err:
        return str(err), NOT_RUN
    except Exception as err:  # one broken row must not hide the others
        return f"{type(err).__name__}: {err}", FAILS
    return shown(seen), HOLDS if seen == fault.expected else FAILS


def print_table(console: Console, numbers: list[str]) -> list[str]:
    """Try every fault and print the table; return the verdicts."""
    table = Table("fault", "database", "what was done", "expected", "seen", "holds", title="Faults")
    rows = [
        (fault, database)
        for fault in all_faults()
        for database in fault.databases
        if not numbers or fault.number in numbers
    ]
    verdicts = []
    with laboratory() as lab:
        for fault, database in track(rows, "Faults", console=Console(stderr=True), transient=True):
            seen, holds = tried(lab, fault, database)
            verdicts.append(holds)
            table.add_row(fault.number, database, fault.did, shown(fault.expected), seen, holds)
    console.print(table, *figures.worst(), sep="\n")
    return verdicts


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("numbers", nargs="*", help="run these only, such as T7 D4")
    parser.add_argument("--crowds", type=int, metavar="TIMES", help="let crowds ask instead")
    parser.add_argument("--rotations", type=int, metavar="KILLS", help="kill rotations instead")
    arguments = parser.parse_args()
    # Ended from outside, it ends what it started, PostgreSQL among it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # What the plugin logs about the faults belongs to no table.
    logging.disable(logging.CRITICAL)
    console = Console(width=None if sys.stdout.isatty() else 200)
    if arguments.crowds or arguments.rotations:
        with laboratory() as lab:
            verdicts = print_crowds(lab, console, arguments.crowds or 0)
            verdicts += print_rotations(lab, console, arguments.rotations or 0)
    else:
        verdicts = print_table(console, arguments.numbers)
    counted = {verdict: verdicts.count(verdict) for verdict in (HOLDS, FAILS, NOT_RUN)}
    console.print(f"{counted[HOLDS]} hold, {counted[FAILS]} do not, {counted[NOT_RUN]} not run.")
    return int(FAILS in verdicts)


if __name__ == "__main__":
    sys.exit(main())
