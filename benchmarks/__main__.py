"""``make bench``: the plugin beside what one would use instead, on the same servers, in one run."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import click
from rich.console import Console

from . import (
    connection,
    distance,
    fleet,
    folders,
    hooks,
    plots,
    renewals,
    report,
    startup,
    tokens,
)
from .measure import Row
from .world import QUICK, Plan, World

Prepared = Callable[[World, Plan], AbstractContextManager[Callable[[], Iterator[Row]]]]

BENCHMARKS: dict[str, Prepared] = {
    "B1": startup.prepared,
    "B2": tokens.prepared,
    "B3": renewals.prepared,
    "B4": connection.prepared,
    "B5": folders.prepared,
    "B6": fleet.prepared,
    "B7": hooks.prepared,
}
RESULTS = Path(__file__).parent / "results"


def measured(
    names: tuple[str, ...], plan: Plan, rounds: int, console: Console
) -> Iterator[list[list[Row]]]:
    """Measure each benchmark in so many rounds; give the rows by round after each of them."""
    results: list[list[Row]] = [[] for _ in range(rounds)]
    with World() as world:
        for name in names:
            console.print(f"{name}: preparing", style="dim")
            with BENCHMARKS[name](world, plan) as measure, _without_leftovers():
                for number, rows in enumerate(results, 1):
                    console.print(f"{name}: round {number} of {rounds}", style="dim")
                    rows.extend(measure())
            yield results


@contextmanager
def _without_leftovers() -> Iterator[None]:
    """Keep the collector off what was there before: other benchmarks' data is in no host."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@click.command(context_settings={"max_content_width": 100})
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option("--quick", is_flag=True, help="Small sizes, one round, no goals: does it all run?")
@click.option("--rounds", default=3, show_default=True, help="How often all is measured.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=RESULTS,
    help="Where JSON and plots go.",
)
def main(names: tuple[str, ...], *, quick: bool, rounds: int, out: Path) -> None:
    """Measure the benchmarks NAMES, or all."""
    console = Console(width=None if sys.stdout.isatty() else 150, stderr=False)
    plan = QUICK if quick else Plan()
    distance.enter_namespace()
    facts = report.machine() | {"distance": distance.name()}
    folder, rows = out / "quick" if quick else out, []
    for results in measured(names or tuple(BENCHMARKS), plan, 1 if quick else rounds, console):
        # What was measured is kept, whatever becomes of the next one.
        rows = report.merged(results)
        report.write(folder, results, facts)
    plots.write(folder, rows)
    report.show(console, rows, facts, goals=not quick)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
