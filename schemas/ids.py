"""How this plugin's values are told from those of others: the kind's name and the ids' prefix."""

from __future__ import annotations

KIND = "m365"
ID_PREFIX = "m365:"


def is_ours(account_id: str | None) -> bool:
    """Tell whether an account id was made by this plugin."""
    return account_id is not None and account_id.startswith(ID_PREFIX)
