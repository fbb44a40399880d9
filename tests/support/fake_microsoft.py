"""Microsoft's endpoints without a network: an HTTP client whose answers a test draws or writes."""

import base64
import json
import time
from types import SimpleNamespace

TENANT_ID = "11111111-2222-3333-4444-555555555555"
OBJECT_ID = "66666666-7777-8888-9999-aaaaaaaaaaaa"
AUTHORITY = "https://login.example.com/contoso.test"
SALES = "sales@contoso.test"


def response(body, status=200, **headers):
    """Return a response of the shape of `requests`; a body that is no bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return SimpleNamespace(status_code=status, content=content, headers=headers)


def jwt_of(claims):
    """Return an unsigned token: the client leaves that to TLS, as OpenID Connect allows."""
    return f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}.c2ln"


def _encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def document(**changes):
    """Return a discovery document."""
    base = f"https://login.example.com/{TENANT_ID}"
    return {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
    } | changes


def id_claims(client_id, **changes):
    """Return the claims of an id token for SALES."""
    now = int(time.time())
    claims = {
        "iss": f"https://login.example.com/{TENANT_ID}/v2.0",
        "aud": client_id,
        "exp": now + 3600,
        "nbf": now - 60,
        "iat": now - 60,
        "sub": "subject",
        "tid": TENANT_ID,
        "oid": OBJECT_ID,
        "preferred_username": SALES,
    } | changes
    return {name: value for name, value in claims.items() if value is not None}


def client_info():
    """Return what Microsoft tells of the account beside the id token."""
    return _encoded({"uid": OBJECT_ID, "utid": TENANT_ID})


def tokens(client_id, nonce=None, **changes):
    """Return a token answer; a value of None leaves the field out."""
    answer = {
        "token_type": "Bearer",
        "access_token": "access-token-canary-0001",
        "refresh_token": "refresh-token-canary-0001",
        "expires_in": 3599,
        "scope": "https://outlook.office.com/IMAP.AccessAsUser.All"
        " https://outlook.office.com/SMTP.Send",
        "id_token": jwt_of(id_claims(client_id, nonce=nonce)),
        "client_info": client_info(),
    } | changes
    return {name: value for name, value in answer.items() if value is not None}


class FakeMicrosoft:
    """An HTTP client; `discovery`, `token` and `device` are responses, or functions of the form."""

    def __init__(self, discovery=None, token=None, device=None):
        self.discovery = discovery or response(document())
        self.token = token
        self.device = device
        self.posted = []

    def get(self, url, **_):
        return self._given(self.discovery, {})

    def post(self, url, data=None, **_):
        self.posted.append(dict(data))
        return self._given(self.device if url.endswith("/devicecode") else self.token, data)

    def close(self):
        pass

    @staticmethod
    def _given(answer, data):
        given = answer(data) if callable(answer) else answer
        if isinstance(given, BaseException):
            raise given
        return given
