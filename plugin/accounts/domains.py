"""Which domains an account may be of: one rule for the form and for the Generic accounts' plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.mail_address import domain_of

if TYPE_CHECKING:
    from ...schemas.settings import Settings

#: Mailboxes of private persons: no tenant's, so an app registration cannot open them.
_PRIVATE = frozenset(
    {
        "aol.com",
        "gmail.com",
        "gmx.de",
        "gmx.net",
        "googlemail.com",
        "hotmail.com",
        "icloud.com",
        "live.com",
        "msn.com",
        "outlook.com",
        "web.de",
        "yahoo.com",
    }
)


def known_domains(settings: Settings) -> frozenset[str]:
    """Return the domains that lie in the tenant, as A-labels; none where the settings name none."""
    if not settings.mail_domains:
        return frozenset()
    tenant = {domain_of(settings.tenant)} if "." in settings.tenant else set()
    return frozenset(map(domain_of, settings.mail_domains)) | tenant


def foreign(address: str, domains: frozenset[str]) -> str:
    """Return why an address cannot be of the tenant, as a code; empty where it may be.

    ``domain_foreign`` is one beside the known `domains`; where none are known, ``domain_private``
    is one of a provider for private persons.
    """
    domain = domain_of(address)
    if domains:
        return "" if domain in domains else "domain_foreign"
    return "domain_private" if domain in _PRIVATE else ""
