"""Which host the conformance suite is run against: the one that the option names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from .option import OPTION

if TYPE_CHECKING:
    from .contract import Factory

_EXAMPLE = f"{OPTION} my_erp.testing:host"


def chosen_host(config: pytest.Config) -> Factory:
    """Return what makes the host. Raises ``pytest.UsageError`` that says what to give."""
    name: str | None = config.getoption(OPTION)
    if not name:
        raise pytest.UsageError(
            f"The conformance suite needs a host: add {_EXAMPLE} (docs/testing-a-host.md)."
        )
    module, _, attribute = name.partition(":")
    try:
        found: Factory = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as err:
        raise pytest.UsageError(
            f"{OPTION} {name} leads nowhere ({err}). Give MODULE:NAME of what makes your host of a"
            f" Place, such as {_EXAMPLE}; the module must be importable (PYTHONPATH)."
        ) from err
    return found
