"""Mails under SIGKILLs, on SQLite and PostgreSQL, and without the guard: ``make kills``."""

import sys
import tempfile
from pathlib import Path

import click
from faults.postgres import Postgres
from kills.harness import run


@click.command()
@click.option("--messages", default=1000, help="Mails to send.")
@click.option("--kills", default=1000, help="SIGKILLs of workers.")
@click.option("--control", default=1000, help="Mails of the control; 0 leaves it out.")
@click.option("--seed", default=1, help="Of the random numbers.")
def main(messages: int, kills: int, control: int, seed: int) -> None:
    """Print what became of every mail; exit with 1 unless all came as promised."""
    good = True
    with tempfile.TemporaryDirectory() as folder, Postgres(durable=True) as server:
        for name, url in (("SQLite", None), ("PostgreSQL", server.create("kills"))):
            place = Path(folder) / name
            place.mkdir()
            result = run(place, messages, kills, database_url=url, seed=seed)
            click.echo(f"{name}: {result}")
            good &= not (result.duplicates or result.invented or result.lost or result.left)
        if control:
            place = Path(folder) / "control"
            place.mkdir()
            result = run(place, control, control, guarded=False, seed=seed)
            click.echo(f"Without the point of no return, SQLite: {result}")
            good &= result.duplicates > 0
    sys.exit(not good)


main()
