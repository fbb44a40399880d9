"""The root of the command line: its groups, commands by entry point, and how errors end.

Commands of the floors above (simulator, demo) come in by entry points: this floor may not import
them.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from typing import Any

import click

from ... import __version__
from ..errors import M365Error, SettingsError
from ..findings.redact import one_line
from .accounts import accounts
from .base import Group
from .common import INTERRUPTED, NOT_BEGUN
from .completion import completion
from .db import db
from .doctor import doctor
from .events import events
from .folders import folders
from .generic import generic
from .keys import keys
from .mail import mail
from .output import colours_wanted
from .settings import settings
from .setup import setup
from .status import status

#: Entry points of this group name click commands.
COMMANDS = "salesorder_m365.commands"
#: Set to anything, it shows the log, and tracebacks of internal errors, on stderr.
TRACE_VARIABLE = "SALESORDER_TRACE"
#: What is said where nothing at all was given.
_MISSING = {"This setting is missing.", "Give either client_secret or client_certificate."}
#: What the help says of those that this distribution brings: it does not load them for that.
_ABOUT = {
    "demo": "Run a small ERP with a simulated Microsoft 365.",
    "simulator": "Run a stand-in for Microsoft 365 on this computer.",
}


class Commands(Group):
    """A group whose commands fail with one clear line, and that takes commands by entry point."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return our own commands and those of the entry points, without loading these."""
        return sorted({*super().list_commands(ctx), *entry_points(group=COMMANDS).names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command; one that comes by entry point is loaded when it is run."""
        own = super().get_command(ctx, cmd_name)
        found = entry_points(group=COMMANDS, name=cmd_name)
        return own or (_Offered(next(iter(found))) if found else None)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours becomes a clear message, a break one line."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                # A terminal may lack our signs (Latin-1): it shows another one, and no traceback.
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(ctx)
        except SettingsError as err:
            raise _WrongSettings(err) from err
        except M365Error as err:
            raise click.ClickException(err.finding.as_text()) from err
        except (KeyboardInterrupt, click.Abort):
            click.echo("\nInterrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own ways to an end
        except Exception as err:
            if os.environ.get(TRACE_VARIABLE):
                raise
            raise click.ClickException(
                f"Internal error: {type(err).__name__}: {one_line(str(err))}\n"
                f"Please report it, with what the same command shows with {TRACE_VARIABLE}=1."
            ) from err


class _WrongSettings(click.ClickException):
    """Every wrong setting on a line of its own, and what writes them."""

    exit_code = NOT_BEGUN

    def __init__(self, err: SettingsError) -> None:
        super().__init__(str(err))
        self._problems = err.problems

    def show(self, file: Any = None) -> None:
        """Print it."""
        lines = [f"{name}: {' '.join(texts)}" for name, texts in self._problems.items()]
        if {text for texts in self._problems.values() for text in texts} <= _MISSING:
            lines = ["There are no settings yet. If a file has them: --config FILE"]
        for line in (*lines, "Run: salesorder-m365 setup"):
            click.echo(line, file=file, err=True)


class _Offered(click.Command):
    """A command by entry point: listing it costs no import."""

    def __init__(self, entry: EntryPoint) -> None:
        super().__init__(entry.name, short_help=_ABOUT.get(entry.name, f"({entry.module})"))
        self._entry = entry

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> click.Context:
        """Load the command itself; from here on click deals with that one."""
        return _load(self._entry).make_context(info_name, args, parent, **extra)


def _load(entry: EntryPoint) -> click.Command:
    try:
        command: click.Command = entry.load()
    except ModuleNotFoundError as err:
        missing = err.name or ""
        if missing.partition(".")[0] == __name__.partition(".")[0]:
            raise  # a module of ours: the installation is broken, not incomplete
        return _without_extra(entry.name, missing)
    return command


def _without_extra(name: str, missing: str) -> click.Command:
    def refuse() -> None:
        raise click.ClickException(
            f"The command {name} needs the extra [demo] ({missing} is not installed):"
            " pip install 'salesorder-m365[demo]'"
        )

    return click.Command(
        name,
        callback=refuse,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="salesorder-m365")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Corporate Microsoft 365 mail accounts for a Salesorder-style ERP.

    Begin with: salesorder-m365 setup

    Exit status: 0 all is well; 1 something is wrong, or was refused; 2 wrong usage or settings,
    nothing was done; 130 interrupted by Ctrl-C.
    """
    if not colours_wanted():
        ctx.color = False
    if os.environ.get(TRACE_VARIABLE):
        logging.basicConfig(level=logging.INFO)
    # What is logged is told as a finding here; without a handler Python would print it as well.
    logging.getLogger(__name__.partition(".")[0]).addHandler(logging.NullHandler())


for command in (
    *(accounts, completion, db, doctor, events, folders),
    *(generic, keys, mail, settings, setup, status),
):
    main.add_command(command)
