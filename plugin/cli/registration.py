"""The registration in Microsoft Entra, step by step, with this ERP's own values in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where each cloud's apps are registered (learn.microsoft.com, "National clouds").
PORTALS = {
    "worldwide": "https://entra.microsoft.com",
    "gcc_high": "https://portal.azure.us",
    "dod": "https://portal.azure.us",
    "china": "https://portal.azure.cn",
}
#: Delegated permissions of Microsoft Graph; what they permit the page for consent tells.
PERMISSIONS = ("IMAP.AccessAsUser.All", "SMTP.Send", "offline_access", "openid", "profile")


def steps(redirect_uri: str, cloud: str) -> Iterator[str]:
    """Yield the lines: what to open, what to choose, what to copy. Names are Microsoft's."""
    yield f"An administrator of the tenant opens {PORTALS[cloud]} and does this once:"
    yield ""
    yield "  a. App registrations > New registration."
    yield "     Name: as your workers know the ERP; they read it when they consent."
    yield "     Supported account types: Accounts in this organizational directory only."
    yield "     Redirect URI: platform Web, and to the letter"
    yield f"         {redirect_uri}"
    yield "  b. Register. The Overview shows two ids that are asked for below:"
    yield "     Application (client) ID and Directory (tenant) ID."
    yield "  c. Certificates & secrets > New client secret. Copy its Value at once: it is shown"
    yield "     only now. The Secret ID is of no use. Note when it expires."
    yield "     Or upload a certificate of your own; its private key stays here."
    yield "  d. API permissions > Add a permission > Microsoft Graph > Delegated permissions:"
    yield f"         {', '.join(PERMISSIONS)}"
    yield "     Then Grant admin consent, so that no worker has to be asked."
    yield "  e. Exchange admin center > Settings > Mail flow: clear “Turn off SMTP AUTH protocol"
    yield "     for your organization”, or allow single mailboxes in Exchange PowerShell:"
    yield "         Set-CASMailbox <mailbox> -SmtpClientAuthenticationDisabled $false"
