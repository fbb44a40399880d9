"""How one gets a token with MSAL alone, as its documentation and that of msal-extensions say.

All of them are spared the questions that MSAL asks the network when an application is made, by an
``http_cache`` that outlives it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msal
from msal_extensions import FilePersistence, PersistedTokenCache
from salesorder_m365.plugin.wire.http import DeadlineSession
from salesorder_m365.plugin.wire.tls import tls_context
from salesorder_m365.schemas.settings import Settings
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES

Ask = Callable[[str], dict[str, Any]]


class Registered:
    """A registration, as MSAL's applications are made for it again and again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http_cache: dict[str, Any] = {}
        self._http = DeadlineSession(tls_context(settings.ca_file), proxy=None)

    def application(self, cache: msal.TokenCache) -> msal.ConfidentialClientApplication:
        """Return MSAL's application with this cache."""
        return msal.ConfidentialClientApplication(
            self._settings.client_id,
            client_credential=self._settings.client_secret,
            authority=f"{self._settings.authority}/{self._settings.tenant}",
            instance_discovery=False,
            http_client=self._http,
            http_cache=self._http_cache,
            token_cache=cache,
        )


def file_read_each_time(settings: Settings, path: Path) -> Ask:
    """One file for all accounts, read for every question: what several processes must do.

    Source: "Token cache serialization in MSAL Python", with ``SerializableTokenCache``.
    """
    registered = Registered(settings)

    def ask(username: str) -> dict[str, Any]:
        cache = msal.SerializableTokenCache()
        cache.deserialize(path.read_text())
        answer = _silent(registered.application(cache), username)
        if cache.has_state_changed:
            path.write_text(cache.serialize())
        return answer

    return ask


def file_kept_in_memory(settings: Settings, path: Path) -> Ask:
    """The same file, read once: right for a single process that never ends."""
    cache = msal.SerializableTokenCache()
    cache.deserialize(path.read_text())
    application = Registered(settings).application(cache)
    return lambda username: _silent(application, username)


def persisted(settings: Settings, path: Path) -> Ask:
    """msal-extensions' cache, which reads the file again when another process has changed it."""
    application = Registered(settings).application(PersistedTokenCache(FilePersistence(str(path))))
    return lambda username: _silent(application, username)


def _silent(application: msal.ConfidentialClientApplication, username: str) -> dict[str, Any]:
    (account,) = application.get_accounts(username=username)
    answer: dict[str, Any] = application.acquire_token_silent(list(MAIL_SCOPES), account)
    assert answer["access_token"]
    return answer
