"""``setup``: asks for every setting, writes the settings file, and checks it live.

`questions` has the questions.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from ..errors import StoreError
from .asking import confirmed
from .base import command
from .common import HOST_NAME
from .doctor import doctor
from .questions import Questions
from .source import Source

DEFAULT_FILE = "salesorder-m365.ini"


@command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The ini file to write; SALESORDER_M365_CONFIG does the same.",
)
@click.pass_context
def setup(ctx: click.Context, config: Path | None) -> None:
    """Ask for every setting, write the settings file, and check it live.

    Explains step by step what to register in Microsoft Entra. Run it again to change something:
    it offers what is there. Ctrl-C leaves everything as it was.
    """
    from ..settings.file import stored_values, write_settings  # noqa: PLC0415 - see `common`

    file = _file(config)
    before = stored_values(file)
    if before and not confirmed(f"{file} is there already. Change it?", option="another --config"):
        click.echo("Nothing was changed.")
        return
    values = Questions(before).all()
    write_settings(file, values, over=bool(before))
    click.echo(f"\nWritten: {file}{_who_reads()} It holds secrets.")
    _warn_of_variables()
    _set_up_database(file)
    _tell_what_next(file)
    click.echo("\n5. Check, live\n")
    ctx.invoke(doctor, config=file, host=None, as_json=None)


def _file(config: Path | None) -> Path:
    from ...schemas.spelling import trimmed  # noqa: PLC0415 - see `common`
    from ..settings.reading import CONFIG_VARIABLE  # noqa: PLC0415 - see `common`

    named = config or Path(trimmed(os.environ.get(CONFIG_VARIABLE, "")) or DEFAULT_FILE)
    return named.expanduser().absolute()


def _who_reads() -> str:
    # Windows has access lists: a new file has those of its folder.
    return ", readable by its owner only." if os.name == "posix" else ". See who may read it."


def _warn_of_variables() -> None:
    from ..settings.reading import CONFIG_VARIABLE, PREFIX  # noqa: PLC0415 - see `common`

    stronger = sorted(
        name for name in os.environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE
    )
    if stronger:
        click.echo(f"These variables are set too, and win over it: {', '.join(stronger)}.")


def _set_up_database(file: Path) -> None:
    from ..store.engines import dispose_engines, engine_for  # noqa: PLC0415 - see `common`

    question = "Set up its tables in the database now?"
    if not confirmed(question, option="the answer on standard input", default=True):
        return
    try:
        engine_for(HOST_NAME, Source(file).settings().database_url)
        click.echo("The tables are set up.")
    except StoreError as err:
        click.echo(f"{err} Set them up later: salesorder-m365 db upgrade")
    finally:
        dispose_engines()


def _tell_what_next(file: Path) -> None:
    from ..settings.reading import CONFIG_VARIABLE  # noqa: PLC0415 - see `common`

    export = f"export {CONFIG_VARIABLE}={shlex.quote(str(file))}"
    if os.name == "nt":  # PowerShell, where a quote in a quoted text is doubled
        quoted = str(file).replace("'", "''")
        export = f"$Env:{CONFIG_VARIABLE} = '{quoted}'"
    click.echo(
        f"\nThe ERP and these commands find the file by a variable:\n    {export}\n"
        "Accounts are added in the ERP, or here: salesorder-m365 accounts add"
    )
