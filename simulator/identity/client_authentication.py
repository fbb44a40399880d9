"""Which client asks: by secret, by an assertion signed with a certificate, or a public one.

RFC 6749, 2.3.1 (secret in the form or by HTTP Basic) and RFC 7523 (assertion).
"""

import base64
import binascii
from collections.abc import Mapping
from urllib.parse import unquote_plus

import jwt

from ..tenant.people import DOMAIN, TENANT_ID
from .entra import ANY_TENANT, Entra
from .errors import EntraError
from .registration import Registration

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def with_basic_credentials(form: dict[str, str], authorization: str) -> dict[str, str]:
    """Return the form with client id and secret from the header. Raises EntraError."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return form
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as err:
        raise EntraError(7000215) from err
    client_id, _, secret = (unquote_plus(part) for part in decoded.partition(":"))
    return {"client_id": client_id, "client_secret": secret, **form}


def authenticate_client(entra: Entra, form: Mapping[str, str], *, public: bool = False) -> None:
    """Let a client pass that proves itself, or a public one that does not. Raises EntraError."""
    registration = entra.registration
    know_client(registration, form)
    if public:
        if "client_secret" in form or "client_assertion" in form:
            raise EntraError(700025)
    elif form.get("client_assertion_type") == _ASSERTION:
        _check_assertion(entra, form.get("client_assertion", ""))
    elif "client_secret" not in form:
        raise EntraError(7000218)
    elif not registration.knows_secret(form["client_secret"]):
        raise EntraError(7000215, client_id=registration.client_id)
    elif registration.secret_is_expired or entra.tenant.policies.secret_expired:
        raise EntraError(7000222, client_id=registration.client_id)


def know_client(registration: Registration, form: Mapping[str, str]) -> None:
    """Let a client pass that the directory knows. Raises EntraError 700016."""
    if form.get("client_id") != registration.client_id:
        raise EntraError(700016, client_id=form.get("client_id", ""))


def _check_assertion(entra: Entra, assertion: str) -> None:
    registration = entra.registration
    try:
        header = jwt.get_unverified_header(assertion)
        # MSAL keeps the padding of base64url, RFC 7515 has none.
        thumbprint = str(header.get("x5t#S256") or header.get("x5t")).rstrip("=")
        claims = jwt.decode(
            assertion,
            registration.certificates[thumbprint],
            ["RS256", "PS256"],
            audience=[_token_endpoint(entra, t) for t in (*ANY_TENANT, TENANT_ID, DOMAIN)],
            issuer=registration.client_id,
            options={"require": ["exp", "aud", "iss", "sub"]},
        )
    except jwt.ExpiredSignatureError as err:
        raise EntraError(700024) from err
    except (jwt.PyJWTError, KeyError) as err:
        raise EntraError(700027) from err
    if claims["sub"] != registration.client_id:
        raise EntraError(700027)


def _token_endpoint(entra: Entra, tenant: str) -> str:
    return f"{entra.authority}/{tenant}/oauth2/v2.0/token"
