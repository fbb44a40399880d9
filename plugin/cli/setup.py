"""``setup``: asks for every setting, writes the settings file, and checks it live.

What is asked, and how, is `questions`' job.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import click

from ..errors import StoreError
from .common import HOST_NAME, read, with_config
from .doctor import doctor
from .questions import Questions

DEFAULT_FILE = "salesorder-m365.ini"


@click.command()
@with_config
@click.pass_context
def setup(ctx: click.Context, config: Path | None) -> None:
    """Ask for every setting, write the settings file, and check it live.

    Explains step by step what to register in Microsoft Entra. Run it again to change something:
    it offers what is there. Ctrl-C leaves everything as it was.
    """
    from ..settings.file import stored_values, write_settings  # noqa: PLC0415 - see `common`

    file = _file(config)
    before = stored_values(file)
    if before and not click.confirm(f"{file} is there already. Change it?"):
        click.echo("Nothing was changed.")
        return
    values = Questions(before).all()
    write_settings(file, values, over=bool(before))
    click.echo(f"\nWritten: {file}, readable by its owner only. It holds secrets.")
    _warn_of_variables()
    _set_up_database(file)
    _tell_what_next(file)
    click.echo("\n5. Check, live\n")
    ctx.invoke(doctor, config=file, as_json=False)


def _file(config: Path | None) -> Path:
    from ..settings.reading import CONFIG_VARIABLE  # noqa: PLC0415 - see `common`

    named = config or Path(os.environ.get(CONFIG_VARIABLE) or DEFAULT_FILE)
    return named.expanduser().absolute()


def _warn_of_variables() -> None:
    from ..settings.reading import CONFIG_VARIABLE, PREFIX  # noqa: PLC0415 - see `common`

    stronger = sorted(
        name for name in os.environ if name.startswith(PREFIX) and name != CONFIG_VARIABLE
    )
    if stronger:
        click.echo(f"These variables are set too, and win over it: {', '.join(stronger)}.")


def _set_up_database(file: Path) -> None:
    from ..store.engines import dispose_engines, engine_for  # noqa: PLC0415 - see `common`

    if not click.confirm("Set up its tables in the database now?", default=True):
        return
    try:
        engine_for(HOST_NAME, read(file).database_url)
        click.echo("The tables are set up.")
    except StoreError as err:
        click.echo(f"{err} Set them up later: salesorder-m365 db upgrade")
    finally:
        dispose_engines()


def _tell_what_next(file: Path) -> None:
    from ..settings.reading import CONFIG_VARIABLE  # noqa: PLC0415 - see `common`

    click.echo(
        f"\nThe ERP and these commands find the file by a variable:\n"
        f"    export {CONFIG_VARIABLE}={shlex.quote(str(file))}\n"
        "Accounts are added in the ERP, or here: salesorder-m365 accounts add"
    )
