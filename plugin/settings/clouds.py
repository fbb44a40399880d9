"""Microsoft's national clouds: where to sign in, and which servers and scopes to use."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from ...schemas.settings import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...schemas.settings import Settings

_IMAP_PORT, _SMTP_PORT = 993, 587  # implicit TLS; STARTTLS


@dataclass(frozen=True, slots=True)
class Cloud:
    """One cloud's hosts. `resource` is the host in the scopes of IMAP and SMTP.

    `app_resource` is that of access without a person, where it is another one.
    """

    authority: str
    imap: str
    smtp: str
    resource: str
    graph: str
    app_resource: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The places of one registration, the settings' overrides applied.

    `authority_url` includes the tenant; `scopes` are those of IMAP and of SMTP, in this order;
    `app_scope` is the one of access without a person.
    """

    authority_url: str
    imap: Endpoint
    smtp: Endpoint
    scopes: tuple[str, str]
    app_scope: str


# Microsoft Learn, "National clouds" and "Authenticate an IMAP, POP or SMTP connection using
# OAuth". Where the sources conflict or fall silent the value is marked; settings override each.
CLOUDS: Mapping[str, Cloud] = MappingProxyType(
    {
        "worldwide": Cloud(
            authority="login.microsoftonline.com",
            imap="outlook.office365.com",
            smtp="smtp.office365.com",
            resource="outlook.office.com",
            graph="graph.microsoft.com",
            app_resource="outlook.office365.com",
        ),
        "gcc_high": Cloud(
            authority="login.microsoftonline.us",
            imap="outlook.office365.us",
            smtp="smtp.office365.us",  # doubtful: other mail clients use outlook.office365.us
            resource="outlook.office365.us",
            graph="graph.microsoft.us",
        ),
        "dod": Cloud(
            authority="login.microsoftonline.us",
            imap="outlook-dod.office365.us",
            smtp="outlook-dod.office365.us",
            resource="outlook.office365.us",
            graph="dod-graph.microsoft.us",
        ),
        "china": Cloud(
            authority="login.partner.microsoftonline.cn",  # others use login.chinacloudapi.cn
            imap="partner.outlook.cn",
            smtp="partner.outlook.cn",
            resource="partner.outlook.cn",  # doubtful: not documented, what other clients use
            graph="microsoftgraph.chinacloudapi.cn",
        ),
    }
)


def endpoints(settings: Settings) -> Endpoints:
    """Return the places for `settings`: the cloud's own where nothing overrides them."""
    cloud = CLOUDS[settings.cloud]
    resource = settings.resource or f"https://{cloud.resource}"
    app_resource = settings.resource or f"https://{cloud.app_resource or cloud.resource}"
    return Endpoints(
        authority_url=f"{settings.authority or f'https://{cloud.authority}'}/{settings.tenant}",
        imap=settings.imap or Endpoint(host=cloud.imap, port=_IMAP_PORT),
        smtp=settings.smtp or Endpoint(host=cloud.smtp, port=_SMTP_PORT),
        scopes=(f"{resource}/IMAP.AccessAsUser.All", f"{resource}/SMTP.Send"),
        app_scope=f"{app_resource}/.default",
    )
