"""Settings for a host over the simulator, and the places that hosts under test live on."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

from ..schemas.settings import load_settings
from .contract import Place
from .serving import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from ..schemas.settings import Settings
    from ..simulator.simulator import Simulator


def settings_for(simulator: Simulator, folder: Path, **changes: Any) -> Settings:
    """Return settings with a database in `folder` and keys of its own; keywords change single ones.

    The simulator takes the host's callback as a redirect URI.
    """
    values = {
        "tenant": simulator.tenant.domain,
        "client_id": simulator.registration.client_id,
        "client_secret": simulator.registration.client_secret,
        "authority": simulator.authority,
        "imap": f"localhost:{simulator.imap_port}",
        "smtp": f"localhost:{simulator.smtp_port}",
        "ca_file": str(simulator.ca_file),
        "base_url": "http://localhost:8000",
        "database_url": f"sqlite:///{folder / 'm365.db'}",
        "key_ring": f"test:{base64.b64encode(os.urandom(32)).decode()}",
    } | changes
    settings = load_settings({name: value for name, value in values.items() if value is not None})
    register(simulator, settings)
    return settings


def register(simulator: Simulator, settings: Settings) -> None:
    """Let the simulator send browsers back to this host."""
    simulator.registration.redirect_uris.add(settings.base_url + settings.callback_path)


def new_place(simulator: Simulator, folder: Path) -> Place:
    """Return a place with an address at which nobody listens yet."""
    base_url = f"http://localhost:{free_port()}"
    return Place(folder, settings_for(simulator, folder, base_url=base_url))
