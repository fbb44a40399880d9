"""How this plugin's values are told from those of others: the kind's name and the ids' prefix."""

from __future__ import annotations

KIND = "m365"
ID_PREFIX = "m365:"


def is_ours(name: str | None) -> bool:
    """Return whether an account's, mail's or job's id is ours; no other kind of value is."""
    return isinstance(name, str) and name.startswith(ID_PREFIX)
