"""Where the routes of a sign-in lie: both in the folder of the setting `callback_path`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from ...schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Routes:
    """Paths as a browser sees them: the path of `base_url`, if it has one, stands in front."""

    callback: str

    @property
    def folder(self) -> str:
        """The path of the browser's cookie, which both routes need."""
        return self.callback.rpartition("/")[0] or "/"

    @property
    def login(self) -> str:
        """Where a ticket is opened."""
        return f"{self.folder.rstrip('/')}/login"


def routes(settings: Settings) -> Routes:
    """Return the routes of a host."""
    return Routes(urlsplit(settings.redirect_uri).path)
