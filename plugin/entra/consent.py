"""The administrator's consent page as a link, for the findings that it helps with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.report import CONSENT_LABEL
from .identity import identity_for

if TYPE_CHECKING:
    from ...schemas.settings import Settings

_HELPS = frozenset(
    {
        "administrator_needed",
        "consent_declined",
        "consent_withdrawn",
        "offline_access_missing",
        "scope_missing",
    }
)


def consent_links(code: str, settings: Settings) -> dict[str, str]:
    """Return the consent page by its label if it helps with the finding `code`; no network.

    The link has no state: what comes back from it finishes nothing here.
    """
    if code not in _HELPS:
        return {}
    return {CONSENT_LABEL: identity_for(settings).consent_link()}
