"""OpenID Connect discovery and the signing keys."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from .entra import Entra
from .errors import EntraError


class Metadata:
    """Endpoints that clients read once."""

    def __init__(self, entra: Entra) -> None:
        self._entra = entra

    async def configuration(self, request: Request) -> Response:
        """Answer `.well-known/openid-configuration`.

        A person's browser is sent to the plain listener, so that it meets no certificate warning
        and is on another site than the host, as in real life.
        """
        try:
            tenant = self._entra.tenant_path(request)
        except EntraError as err:
            return err.response()
        back = f"{self._entra.authority}/{tenant}"
        front = f"{self._entra.browser_url}/{tenant}"
        document = {
            "issuer": self._entra.issuer_name(tenant),
            "authorization_endpoint": f"{front}/oauth2/v2.0/authorize",
            "token_endpoint": f"{back}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{back}/oauth2/v2.0/devicecode",
            "userinfo_endpoint": f"{self._entra.authority}/oidc/userinfo",
            "end_session_endpoint": f"{front}/oauth2/v2.0/logout",
            "jwks_uri": f"{back}/discovery/v2.0/keys",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
        }
        return JSONResponse(document)

    async def keys(self, request: Request) -> Response:  # noqa: ARG002 - an endpoint's shape
        """Answer with the key that signs tokens."""
        return JSONResponse(self._entra.issuer.key.jwks())
