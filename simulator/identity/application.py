"""The identity provider's routes: one application for clients, one for browsers."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from .admin_consent import AdminConsent
from .authorize import Authorize
from .device import Device
from .entra import Entra
from .metadata import Metadata
from .sign_in import SignIn
from .sign_out import SignOut
from .token_endpoint import TokenEndpoint
from .user_info import UserInfo

_BOTH = ["GET", "POST"]


def page_routes(entra: Entra) -> list[BaseRoute]:
    """Return the routes that a person's browser meets."""
    sign_in = SignIn(entra)
    authorize, consent = Authorize(entra, sign_in), AdminConsent(entra, sign_in)
    device = Device(entra, sign_in)
    return [
        Route("/{tenant}/oauth2/v2.0/authorize", authorize.__call__, methods=_BOTH),
        Route("/{tenant}/v2.0/adminconsent", consent.__call__, methods=_BOTH),
        Route("/{tenant}/adminconsent", consent.__call__, methods=_BOTH),
        Route("/{tenant}/oauth2/v2.0/logout", SignOut(entra).__call__, methods=["GET"]),
        Route("/device", device.page, methods=_BOTH),
    ]


def client_routes(entra: Entra, drop: Callable[[Request], None]) -> list[BaseRoute]:
    """Return the routes that clients call."""
    metadata, device = Metadata(entra), Device(entra, SignIn(entra))
    token = TokenEndpoint(entra, drop)
    return [
        Route("/{tenant}/v2.0/.well-known/openid-configuration", metadata.configuration),
        Route("/{tenant}/discovery/v2.0/keys", metadata.keys),
        Route("/{tenant}/oauth2/v2.0/token", token.__call__, methods=["POST"]),
        Route("/oidc/userinfo", UserInfo(entra).__call__, methods=_BOTH),
        Route("/{tenant}/oauth2/v2.0/devicecode", device.code, methods=["POST"]),
    ]
