"""What the administrator sets, and what follows from it: servers, scopes, expiry."""

from .reading import PREFIX, SECTION, read_settings

__all__ = ["PREFIX", "SECTION", "read_settings"]
