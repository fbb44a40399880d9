"""How this plugin's values are told from those of others: the kind's name and the ids' prefix."""

from __future__ import annotations

KIND = "m365"
ID_PREFIX = "m365:"


def is_ours(name: str | None) -> bool:
    """Tell whether the id of an account, or the name of a job, is this plugin's."""
    return name is not None and name.startswith(ID_PREFIX)
