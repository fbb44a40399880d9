"""Make a plugin manager that knows the contract and has every installed plugin."""

from __future__ import annotations

import pluggy

from . import spec


def create_manager(*, load: bool = True) -> pluggy.PluginManager:
    """Return a manager with the hookspecs; `load` registers the installed plugins too.

    Raises ``pluggy.PluginValidationError`` if a plugin implements a hook that does not exist or
    with arguments that the contract does not have.
    """
    manager = pluggy.PluginManager(spec.PROJECT)
    manager.add_hookspecs(spec)
    if load:
        manager.load_setuptools_entrypoints(spec.PROJECT)
    manager.check_pending()
    return manager
