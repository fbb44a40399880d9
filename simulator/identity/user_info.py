"""The userinfo endpoint (OpenID Connect Core, 5.3), which at Microsoft belongs to Graph."""

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..tenant.scopes import GRAPH
from .entra import Entra

_CHALLENGE = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
_REFUSED = {"error": {"code": "InvalidAuthenticationToken", "message": "Access token is invalid."}}


class UserInfo:
    """Answers with the claims of the person that an access token for Graph stands for."""

    def __init__(self, entra: Entra) -> None:
        self._entra = entra

    async def __call__(self, request: Request) -> Response:
        """Answer a request; tokens for other resources, such as Outlook, are refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        try:
            claims = self._entra.issuer.key.read(token.strip(), GRAPH)
            person = self._entra.tenant.people[claims["upn"]]
        except (jwt.PyJWTError, KeyError):
            return JSONResponse(_REFUSED, 401, _CHALLENGE)
        if scheme.lower() != "bearer":
            return JSONResponse(_REFUSED, 401, _CHALLENGE)
        subject = self._entra.issuer.subject(person)
        about = {"sub": subject, "name": person.name, "email": person.address}
        return JSONResponse(about, headers={"Cache-Control": "no-store"})
