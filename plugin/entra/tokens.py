"""What Microsoft's token endpoint gives."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What Microsoft's token endpoint gave; `lifetime` is in seconds from now."""

    access_token: str = field(repr=False)
    lifetime: int
    scopes: tuple[str, ...]
    msal_cache: str = field(repr=False)
