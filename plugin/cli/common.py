"""What the commands share: the options, the settings, the use_cases opened as an administrator.

Libraries are imported when a command runs: ``--help`` and shell completion must be quick.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...schemas.settings import Settings
    from ...schemas.view import AccountView
    from ..use_cases import UseCases

C = TypeVar("C", bound="Callable[..., Any]")

#: The exit statuses beside 0: something is wrong, nothing was begun, Ctrl-C (128 + SIGINT).
FOUND, NOT_BEGUN, BROKEN_OFF = 1, 2, 130
#: What this process calls its database; the events name the person instead.
HOST_NAME = "salesorder-m365"


def with_config(command: C) -> C:
    """Give a command the option ``--config``."""
    option = click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Ini file with a section [salesorder-m365]; SALESORDER_M365_CONFIG does the same.",
    )
    return option(command)


def with_json(command: C) -> C:
    """Give a reading command the option ``--json``, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def with_yes(command: C) -> C:
    """Give a command that takes something away the option ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


def with_account(command: C) -> C:
    """Give a command the argument ``ACCOUNT``."""
    return click.argument("account", metavar="ACCOUNT")(command)


def read(config: Path | None) -> Settings:
    """Return the settings; raise ``SettingsError``."""
    from ..settings.reading import read_settings  # noqa: PLC0415 - see the module's docstring

    return read_settings(file=config)


@dataclass(frozen=True)
class CommandLine:
    """The host as the command line is one: whoever may read the settings may do everything."""

    settings: Settings
    name: str = HOST_NAME

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:  # noqa: ARG002 - HostLike's signature
        """Allow it: the settings hold the keys to everything that could be refused."""
        return True

    def now(self) -> datetime:
        """Return the computer's time."""
        return datetime.now(UTC)


def worker() -> str:
    """Return the name under which the events tell who did it."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError, ImportError):  # no name for this user id: in a container
        return "command line"


@contextmanager
def opened(config: Path | None) -> Iterator[UseCases]:
    """Give the use_cases of the settings' database, and close its connections behind it."""
    from ..context import Context  # noqa: PLC0415 - see the module's docstring
    from ..store.engines import dispose_engines  # noqa: PLC0415
    from ..use_cases import UseCases  # noqa: PLC0415

    # The events are kept in the database, and there is nobody else to tell.
    context = Context(CommandLine(read(config)), send=lambda _: None)
    try:
        yield UseCases(context)
    finally:
        dispose_engines()


def find_account(use_cases: UseCases, wanted: str) -> AccountView:
    """Return the account that is meant: by its id, its name, or an address that one alone has."""
    views = use_cases.accounts.list(worker())
    said = wanted.casefold()
    for names in (_by_id, _by_name, _by_address):
        found = [view for view in views if said in names(view)]
        if len(found) == 1:
            return use_cases.accounts.view(found[0].id, worker())
        if found:
            several = ", ".join(f"“{view.values.account_name}” ({view.id})" for view in found)
            raise click.UsageError(f"{wanted} may be any of these accounts: {several}.")
    raise click.UsageError(
        f"There is no account {wanted}. salesorder-m365 accounts list shows them all."
    )


def _by_id(view: AccountView) -> set[str]:
    return {view.id}


def _by_name(view: AccountView) -> set[str]:
    return {view.values.account_name.casefold()}


def _by_address(view: AccountView) -> set[str]:
    return {view.values.sender_email.casefold(), view.values.username.casefold()}
