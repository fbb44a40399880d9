"""What the commands share: options, and the use cases opened as an administrator.

Libraries are imported when a command runs: ``--help`` and shell completion must be quick.
"""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .base import JsonOption

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ...schemas.event import Event
    from ...schemas.settings import Settings
    from ...schemas.view import AccountView
    from ..use_cases import UseCases
    from .source import Source

C = TypeVar("C", bound="Callable[..., Any]")

#: The exit statuses beside 0: something is wrong, nothing was begun, Ctrl-C (128 + SIGINT).
FOUND, NOT_BEGUN, INTERRUPTED = 1, 2, 130
#: What this process calls its database; the events name the person instead.
HOST_NAME = "salesorder-m365"


def with_json(fields: str | Sequence[str] | Callable[[], Sequence[str]]) -> Callable[[C], C]:
    """Give a reading command the option ``--json``, as the argument `as_json`.

    That is None, or the fields that are wanted, separated by commas; empty for all. `fields` are
    those that there are: names, what returns them, or a dataclass such as ``view:AccountView``.
    """
    return click.option(
        "--json",
        "as_json",
        cls=JsonOption,
        fields=partial(_names, fields),
        metavar="[FIELD,...]",
        help="Print JSON, whole or only these fields.",
    )


def _names(fields: str | Sequence[str] | Callable[[], Sequence[str]]) -> Sequence[str]:
    if callable(fields):
        return fields()
    if not isinstance(fields, str):
        return fields
    module, _, name = fields.partition(":")
    loaded = import_module(f"...schemas.{module}", __package__)
    return [field.name for field in dataclass_fields(getattr(loaded, name))]


def with_yes(command: C) -> C:
    """Give a command that takes something away the option ``--yes``."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(command)


@dataclass(frozen=True)
class CommandLine:
    """The host as the command line is one: who can read the settings may do everything."""

    settings: Settings
    name: str = HOST_NAME
    #: The ERP's own host, where ``--host`` names one.
    erp: Any = field(default=None, repr=False)

    def allows(self, worker: str, permission: str, account_id: str | None) -> bool:  # noqa: ARG002 - BareHost's signature
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
def opened(
    source: Source, *, needs_database: bool = True, host: type[CommandLine] | None = None
) -> Iterator[UseCases]:
    """Give the use cases of the settings' database, and close its connections afterwards.

    One that is not there is an error unless `needs_database` is false: a wrong path must not look
    like an empty database. `host` is what the use cases see as the host.
    """
    from ..context import Context  # noqa: PLC0415 - see the module's docstring
    from ..store.engines import dispose_engines  # noqa: PLC0415
    from ..use_cases import UseCases  # noqa: PLC0415

    settings, erp = source.settings(), source.erp()
    if needs_database:
        require_database(settings)
    context = Context((host or CommandLine)(settings, erp=erp), send=partial(_tell, erp))
    try:
        yield UseCases(context)
    finally:
        dispose_engines()


def _tell(erp: Any, event: Event) -> None:
    # The events are kept in the database; without --host there is nobody else to tell.
    if erp is not None:
        erp.plugins.hook.salesorder_event(host=erp, event=event)


def require_database(settings: Settings) -> None:
    """Raise ``NoDatabaseError`` if nothing was set up where the settings say."""
    from ..settings.database import database_file, database_place  # noqa: PLC0415 - see above
    from ..store.engines import stored_revision  # noqa: PLC0415

    file = database_file(settings.database_url)
    if file is not None and not file.exists():
        raise NoDatabaseError(f"There is no database at {file}.")
    if stored_revision(settings.database_url) is None:
        place = database_place(settings.database_url)
        raise NoDatabaseError(f"The database at {place} does not have the plugin's tables yet.")


class NoDatabaseError(click.ClickException):
    """The database was never set up, or the settings name another place: nothing was begun."""

    exit_code = NOT_BEGUN

    def __init__(self, message: str) -> None:
        super().__init__(
            f"{message} If the path is right, run: salesorder-m365 db upgrade\n"
            "If it is not: salesorder-m365 settings check shows the settings in use."
        )


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
