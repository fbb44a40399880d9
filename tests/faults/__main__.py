"""The table of faults: `python -m faults` runs every one and exits with 1 if one does not hold.

`--crowd 20` runs the two crowds of 50 processes instead, that many times on each database.
"""

import argparse
import logging
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

from .bench import BASE_URL, CALLBACK, Lab
from .catalogue import all_faults
from .crowd import ask_at_once
from .registry import BOTH, Fault, NotHereError, shown

HOLDS, FAILS, NOT_RUN = "yes", "NO", "not run"
_CROWD = 50


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
    console.print(table)
    return verdicts


def print_crowds(console: Console, times: int) -> list[str]:
    """Let crowds ask and print how each kind went; return the verdicts."""
    title = f"{_CROWD} processes ask for one expired token at once, {times} times each"
    columns = ("database", "the holder", "POSTs", "valid answers", "grants lost", "deviations")
    table = Table(*columns, title=title)
    verdicts = []
    with laboratory() as lab:
        for database in BOTH:
            for killed in (False, True):
                row, verdict = crowds(lab, database, times, killed=killed)
                table.add_row(database, "killed" if killed else "lives", *row)
                verdicts.append(verdict)
    console.print(table)
    return verdicts


def crowds(lab: Lab, database: str, times: int, *, killed: bool) -> tuple[list[str], str]:
    """Let as many crowds ask, one after the other; return the table's figures and the verdict."""
    seen = []
    try:
        for _ in track(range(times), f"Crowds on {database}", console=Console(stderr=True)):
            with lab.bench(database) as bench:
                bench.changes["http_timeout"] = 2  # a killed holder's lease is waited for: 9 s
                seen.append(ask_at_once(bench, _CROWD, kill_holder=killed))
    except NotHereError as err:
        return ["", str(err), "", ""], NOT_RUN
    wrong = [crowd for crowd in seen if not crowd.holds(killed=killed)]
    for crowd in wrong:
        Console(stderr=True).print(crowd)
    figures = (
        sorted({crowd.posts for crowd in seen}),
        sorted({crowd.valid for crowd in seen}),
        sum(crowd.lost for crowd in seen),
        len(wrong),
    )
    return [str(figure).strip("[]") for figure in figures], FAILS if wrong else HOLDS


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("numbers", nargs="*", help="run these only, such as T7 D4")
    parser.add_argument("--crowd", type=int, metavar="TIMES", help="run the crowds instead")
    arguments = parser.parse_args()
    # What the plugin logs about the faults belongs to no table.
    logging.disable(logging.CRITICAL)
    console = Console(width=None if sys.stdout.isatty() else 200)
    if arguments.crowd:
        verdicts = print_crowds(console, arguments.crowd)
    else:
        verdicts = print_table(console, arguments.numbers)
    counted = {verdict: verdicts.count(verdict) for verdict in (HOLDS, FAILS, NOT_RUN)}
    console.print(f"{counted[HOLDS]} hold, {counted[FAILS]} do not, {counted[NOT_RUN]} not run.")
    return int(FAILS in verdicts)


if __name__ == "__main__":
    sys.exit(main())
