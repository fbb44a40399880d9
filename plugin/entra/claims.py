"""The id token's claims: whether they are this tenant's and this registration's, and who signed in.

The signature is not checked again: the token came from the token endpoint over verified TLS
(OpenID Connect Core 1.0 §3.1.3.7, point 6). MSAL has compared the nonce.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import jwt

from ..errors import M365Error

#: Workers' clocks may be wrong by some minutes.
_LEEWAY_SECONDS = 600


class ForeignTokenError(M365Error):
    """The id token is not for this registration or tenant: store nothing."""

    def __init__(self, what: str) -> None:
        super().__init__("foreign_token")
        self.what = what


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInUser:
    """Who went through Microsoft's page. `tenant_id` and `object_id` are the stable key."""

    tenant_id: str
    object_id: str
    username: str


def check_id_token(id_token: str, *, issuer: str, client_id: str, tenant: str) -> SignedInUser:
    """Return who signed in; raise ``ForeignTokenError`` if a claim is not as it must be.

    `issuer` may hold ``{tenantid}``, as the shared authorities' does; `tenant` is the setting.
    """
    try:
        claims = jwt.decode(
            id_token,
            options={
                "verify_signature": False,
                "verify_aud": True,
                "verify_exp": True,
                "verify_nbf": True,
                "require": ["iss", "aud", "exp", "tid", "oid"],
            },
            audience=client_id,
            leeway=_LEEWAY_SECONDS,
        )
    except jwt.PyJWTError as err:
        raise ForeignTokenError(type(err).__name__) from err
    tenant_id = _guid(claims["tid"])
    if claims["iss"] != issuer.replace("{tenantid}", tenant_id):
        raise ForeignTokenError("issuer")
    # A tenant that is set by its domain is known by the issuer that discovery named for it.
    if f"/{tenant_id}/" not in claims["iss"]:
        raise ForeignTokenError("tenant")
    if _is_guid(tenant) and tenant_id != tenant.casefold():
        raise ForeignTokenError("tenant")
    username = claims.get("preferred_username") or claims.get("upn") or claims.get("email") or ""
    return SignedInUser(
        tenant_id=tenant_id, object_id=_guid(claims["oid"]), username=str(username)[:254]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AppItself:
    """What the app's own access token tells of it; empty where it tells nothing.

    `object_id` is the service principal's, `roles` are the permissions that the app was given.
    """

    tenant_id: str = ""
    object_id: str = ""
    roles: tuple[str, ...] = ()


def app_itself(access_token: str) -> AppItself:
    """Return what an app-only token tells. It decides nothing: to clients it is opaque."""
    try:
        claims = jwt.decode(access_token, options={"verify_signature": False})
        roles = claims.get("roles")
        return AppItself(
            tenant_id=_guid(claims["tid"]),
            object_id=_guid(claims["oid"]),
            roles=tuple(map(str, roles)) if isinstance(roles, list) else (),
        )
    except (jwt.PyJWTError, KeyError, ForeignTokenError):
        return AppItself()


def _guid(value: object) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError as err:
        raise ForeignTokenError("ids") from err


def _is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
