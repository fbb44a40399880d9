"""Which client asks: by secret, or by an assertion signed with a certificate (RFC 7523)."""

from collections.abc import Mapping

import jwt

from ..tenant.people import DOMAIN, TENANT_ID
from .entra import ANY_TENANT, Entra
from .errors import EntraError
from .registration import Registration

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def authenticate_client(entra: Entra, form: Mapping[str, str]) -> None:
    """Let a confidential client pass. Raises EntraError."""
    registration = entra.registration
    know_client(registration, form)
    if form.get("client_assertion_type") == _ASSERTION:
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
