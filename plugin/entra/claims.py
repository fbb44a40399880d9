"""The id token's claims: whether they are this tenant's and this registration's, and who signed in.

The signature is not checked again: the token came from the token endpoint over verified TLS
(OpenID Connect Core 1.0 §3.1.3.7, point 6).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt

from ...schemas.mail_address import same_address
from ..errors import M365Error
from ..findings.redact import printable
from .refusals import UnfitAnswerError

#: Workers' clocks may be wrong by some minutes.
_LEEWAY_SECONDS = 600
#: Claims with a sign-in name that the tenant's administrators set, the usual one first. `email` is
#: none of them: people set it themselves, and Microsoft does not verify it.
_NAMES = ("preferred_username", "upn", "unique_name")
_LONGEST_NAME = 254
_UNVERIFIED = {"verify_signature": False}


class ForeignTokenError(M365Error):
    """The id token is not for this registration or tenant: store nothing."""

    def __init__(self, what: str) -> None:
        super().__init__("foreign_token")
        self.what = what


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInUser:
    """Who went through Microsoft's page. `tenant_id` and `object_id` are the stable key.

    `username` is the sign-in name to show; `names` are all that the token gives.
    """

    tenant_id: str
    object_id: str
    username: str
    names: tuple[str, ...]

    def is_named(self, username: str) -> bool:
        """Return whether any of the names is `username`; names differ where people are guests."""
        return any(same_address(name, username) for name in self.names)


def check_id_token(id_token: str, *, issuer: str, client_id: str, tenant: str) -> SignedInUser:
    """Return who signed in; raise ``ForeignTokenError`` if a claim is not as it must be.

    `issuer` may hold ``{tenantid}``, as the shared authorities' does; `tenant` is the setting.
    Raises ``UnfitAnswerError`` if the token names nobody.
    """
    claims = _decoded(
        id_token,
        audience=client_id,
        leeway=_LEEWAY_SECONDS,
        options=_UNVERIFIED
        | {
            "verify_aud": True,
            "verify_exp": True,
            "verify_nbf": True,
            "require": ["iss", "aud", "exp", "tid", "oid"],
        },
    )
    tenant_id = _guid(claims["tid"])
    if claims["iss"] != issuer.replace("{tenantid}", tenant_id):
        raise ForeignTokenError("issuer")
    # A tenant that is set by its domain is known by the issuer that discovery named for it.
    if f"/{tenant_id}/" not in claims["iss"]:
        raise ForeignTokenError("tenant")
    if _is_guid(tenant) and tenant_id != tenant.casefold():
        raise ForeignTokenError("tenant")
    names = _names(claims)
    if not names:
        raise UnfitAnswerError("name_missing")
    return SignedInUser(
        tenant_id=tenant_id, object_id=_guid(claims["oid"]), username=names[0], names=names
    )


def check_nonce(id_token: str, expected: str) -> None:
    """Compare the nonce with the one of the authorization request (OpenID Connect Core §3.1.3.7).

    Raises ``ForeignTokenError``. MSAL does so too, but is giving up its checks of id tokens.
    """
    nonce = _decoded(id_token, options=_UNVERIFIED).get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(
        nonce.encode("utf-8", "replace"), expected.encode()
    ):
        raise ForeignTokenError("nonce")


def person_of(id_token: str) -> str | None:
    """Return the object id in an id token, None if it has none. Raises ``ForeignTokenError``."""
    oid = _decoded(id_token, options=_UNVERIFIED).get("oid")
    return oid if isinstance(oid, str) else None


def _decoded(id_token: str, **options: Any) -> dict[str, Any]:
    """Return the claims; raise ``ForeignTokenError`` for whatever PyJWT makes of an odd token.

    Beside its own errors it lets TypeError, OverflowError and RecursionError through.
    """
    try:
        claims: dict[str, Any] = jwt.decode(id_token, **options)
    except Exception as err:  # noqa: BLE001 - see above; nothing but the token is read here
        what = type(err).__name__
    else:
        return claims
    raise ForeignTokenError(what)


def _names(claims: dict[str, Any]) -> tuple[str, ...]:
    """Return the sign-in names that can be shown and stored as they are, each once."""
    given = (claims.get(name) for name in _NAMES)
    texts = [name.strip() for name in given if isinstance(name, str)]
    fit = (text for text in texts if 0 < len(text) <= _LONGEST_NAME and text == printable(text))
    return tuple(dict.fromkeys(fit))


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
        claims = _decoded(access_token, options=_UNVERIFIED)
        roles = claims.get("roles")
        return AppItself(
            tenant_id=_guid(claims["tid"]),
            object_id=_guid(claims["oid"]),
            roles=_fit_roles(roles) if isinstance(roles, list) else (),
        )
    except (KeyError, ForeignTokenError):
        return AppItself()


def _fit_roles(roles: list[Any]) -> tuple[str, ...]:
    """Return the roles' names, but those that could not be stored in a list parted by spaces."""
    names = map(str, roles)
    return tuple(
        name for name in names if name.isascii() and name.isprintable() and " " not in name
    )


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
