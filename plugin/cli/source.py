"""Where a command has its settings from: ``--config``, the environment, or the ERP's host object.

A host may decide by itself where its database is and what its callback path is. ``--host`` names
it, and what it has set is then what the command works with.
"""

from __future__ import annotations

import functools
import inspect
import sys
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...schemas.settings import Settings

C = TypeVar("C", bound="Callable[..., Any]")

#: Not under the settings' prefix: it is no setting of the plugin's.
HOST_VARIABLE = "SALESORDER_HOST"
_FORM = "Give MODULE:NAME, such as --host erp.mail:host"


@dataclass(frozen=True)
class Source:
    """What the options say: an ini file, and a host as MODULE:NAME."""

    config: Path | None = None
    host: str | None = None
    #: Looked up once: a host may be costly to make.
    _found: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def settings(self) -> Settings:
        """Return the host's settings, else those of file and environment.

        Raises ``SettingsError``, and ``click.UsageError`` for a host that is none.
        """
        settings: Settings = self.erp().settings if self.host else self._read()
        return settings

    def erp(self) -> Any:
        """Return the host object that ``--host`` names, or makes; None without ``--host``."""
        if self.host and "erp" not in self._found:
            self._found["erp"] = self._made(_named(self.host))
        return self._found.get("erp")

    def _read(self) -> Settings:
        from ..settings.reading import read_settings  # noqa: PLC0415 - see `common`

        return read_settings(file=self.config)

    def _made(self, found: Any) -> Any:
        erp = found
        if callable(found) and (isinstance(found, type) or not _is_host(found)):
            takes_settings = _takes_an_argument(found)
            arguments = (self._read(),) if takes_settings else ()
            try:
                erp = found(*arguments)
            except Exception as err:  # the ERP's own code: whatever it raises
                msg = f"--host {self.host}: the ERP could not make its host"
                raise click.ClickException(f"{msg} ({type(err).__name__}: {err}).") from err
        if not _is_host(erp):
            msg = f"--host {self.host} is no host: it has no settings (hooks.Host)."
            raise click.UsageError(msg)
        return erp


def _is_host(found: Any) -> bool:
    from ...schemas.settings import Settings  # noqa: PLC0415 - see `common`

    return isinstance(getattr(found, "settings", None), Settings)


def _takes_an_argument(maker: Callable[..., Any]) -> bool:
    parameters = inspect.signature(maker).parameters.values()
    return any(
        each.default is each.empty and each.kind not in {each.VAR_POSITIONAL, each.VAR_KEYWORD}
        for each in parameters
    )


def _named(where: str) -> Any:
    module, _, name = where.partition(":")
    if not module or not name:
        raise click.UsageError(f"--host {where}: no name in it. {_FORM}.")
    # A console script has no working directory on its path. At the end: it replaces nothing.
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)
    try:
        return functools.reduce(getattr, name.split("."), import_module(module))
    except ImportError as err:
        msg = f"--host {where}: {err}. {_FORM}, and name its folder in PYTHONPATH."
        raise click.UsageError(msg) from err
    except (AttributeError, ValueError, TypeError) as err:
        raise click.UsageError(f"--host {where}: {err}. {_FORM}.") from err


def with_source(command: C) -> C:
    """Give a command the options ``--config`` and ``--host``, as the argument `source`."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path),
        help="Ini file with a section [salesorder-m365]; SALESORDER_M365_CONFIG does the same.",
    )
    @click.option(
        "--host",
        envvar=HOST_VARIABLE,
        metavar="MODULE:NAME",
        help="The ERP's host object, or a function that makes it of the settings: what it sets is"
        f" used. {HOST_VARIABLE} does the same.",
    )
    @functools.wraps(command)
    def with_options(*args: Any, config: Path | None, host: str | None, **others: Any) -> Any:
        return command(*args, source=Source(config, host or None), **others)

    return cast("C", with_options)  # the same command, with other options
