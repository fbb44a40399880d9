"""``python -m salesorder_m365.demo``: run the reference host with the simulator."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click

from .server import PORT, run


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 64000),
    default=PORT,
    show_default=True,
    help="Port of the ERP; the simulator's ports keep their distance to it.",
)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".demo"),
    show_default=True,
    help="Folder for the database, the keys and the simulator's state.",
)
def main(port: int, state: Path) -> None:
    """Run a small ERP with Microsoft 365 mail accounts, and a stand-in for Microsoft 365."""
    # Stopped by a service manager, the demo ends as tidily as by Ctrl-C.
    # SIGINT too: a shell that starts us in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    sys.exit(run(port, state))


if __name__ == "__main__":
    main(prog_name="python -m salesorder_m365.demo")
