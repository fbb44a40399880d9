"""Tokens as Entra issues them, signed by the simulator's key; and their verification.

Access tokens have the claims of version 1.0 tokens, which Exchange Online uses. Refresh tokens
carry all they grant, so that they outlive a restart; they are opaque to clients all the same.
"""

import base64
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ..state import StateDirectory
from ..tenant.people import TENANT_ID, Person
from ..tenant.scopes import OUTLOOK_AUDIENCES

APP_ROLES = ("IMAP.AccessAsApp", "SMTP.SendAsApp")
REFRESH_SECONDS = 90 * 24 * 3600
_INTERNAL = "urn:simulator:"


class SigningKey:
    """The RSA key that signs every token of the simulator."""

    def __init__(self, state: StateDirectory) -> None:
        file = state.path / "signing-key.pem"
        if not file.exists():
            state.write(file.name, _new_key_pem())
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"{file} does not hold an RSA key")
        self._key = key
        self.public_key = key.public_key()
        self.key_id = "simulator-1"

    @property
    def public_key_pem(self) -> str:
        """The public key, for servers that verify tokens by themselves."""
        return self.public_key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ).decode()

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a JSON Web Key Set (RFC 7517)."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.public_key, as_dict=True)
        return {"keys": [{**key, "kid": self.key_id, "use": "sig"}]}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a signed JSON Web Token."""
        return jwt.encode(claims, self._key, "RS256", {"kid": self.key_id})

    def read(self, token: str, audience: str | tuple[str, ...]) -> dict[str, Any]:
        """Return the claims of a token that this key signed and that has not run out.

        Raises `jwt.PyJWTError`.
        """
        wanted = [audience] if isinstance(audience, str) else list(audience)
        return jwt.decode(
            token,
            self.public_key,
            ["RS256"],
            audience=wanted,
            options={"require": ["exp", "aud"]},
        )

    def sign_internal(self, purpose: str, seconds: float, claims: dict[str, Any]) -> str:
        """Return a token that the simulator hands to itself through a browser or a client."""
        lifetime = {"aud": _INTERNAL + purpose, "exp": int(time.time() + seconds)}
        return self.sign({**claims, **lifetime})

    def read_internal(self, purpose: str, token: str) -> dict[str, Any]:
        """Return the claims of `sign_internal`. Raises `jwt.PyJWTError`."""
        return self.read(token, _INTERNAL + purpose)


def _new_key_pem() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@dataclass(frozen=True)
class Access:
    """What an access token says."""

    user: str | None
    scopes: frozenset[str]
    roles: frozenset[str]
    expires: float

    @property
    def expired(self) -> bool:
        """Whether the token has run out meanwhile."""
        return time.time() >= self.expires


class TokenIssuer:
    """Issues access, id and refresh tokens for one client of the tenant."""

    def __init__(self, key: SigningKey, authority: str, client_id: str) -> None:
        self.key = key
        self.authority = authority
        self.client_id = client_id

    def access_token(self, person: Person, audience: str, scopes: list[str], life: int) -> str:
        """Return a delegated access token; `scopes` are full, `scp` has their short names."""
        short = " ".join(scope.rsplit("/", 1)[-1] for scope in scopes)
        claims = {"upn": person.address, "name": person.name, "oid": person.oid, "scp": short}
        return self.key.sign({**self._base(audience, life), **claims, "sub": person.oid})

    def app_token(self, audience: str, life: int) -> str:
        """Return an app-only access token with the mail roles."""
        oid = str(uuid.uuid5(uuid.NAMESPACE_OID, self.client_id))
        claims = {"roles": list(APP_ROLES), "oid": oid, "sub": oid, "idtyp": "app"}
        return self.key.sign({**self._base(audience, life), **claims})

    def _base(self, audience: str, life: int) -> dict[str, Any]:
        now = int(time.time())
        issuer = f"https://sts.windows.net/{TENANT_ID}/"
        times = {"iat": now, "nbf": now, "exp": now + life}
        who = {"aud": audience, "iss": issuer, "tid": TENANT_ID, "appid": self.client_id}
        return {**who, **times, "uti": uuid.uuid4().hex, "ver": "1.0"}

    def subject(self, person: Person) -> str:
        """Return who a person is to this client and no other (pairwise)."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.client_id + person.oid))

    def id_token(self, person: Person, nonce: str | None) -> str:
        """Return an OpenID Connect id token, version 2.0."""
        now = int(time.time())
        claims = {
            "aud": self.client_id,
            "iss": f"{self.authority}/{TENANT_ID}/v2.0",
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "name": person.name,
            "oid": person.oid,
            "preferred_username": person.address,
            "sub": self.subject(person),
            "tid": TENANT_ID,
            "ver": "2.0",
        }
        return self.key.sign(claims | ({"nonce": nonce} if nonce else {}))

    def refresh_token(self, person: Person, scope: str, *, public: bool) -> str:
        """Return a refresh token.

        `public` ones need no secret: they came by a device code, or to a public redirect URI.
        """
        claims = {"jti": uuid.uuid4().hex, "user": person.address, "at": time.time()}
        given = {"scope": scope, "public": public}
        return "1." + self.key.sign_internal("refresh", REFRESH_SECONDS, claims | given)

    def read_refresh_token(self, token: str) -> dict[str, Any]:
        """Return the claims of a refresh token. Raises `jwt.PyJWTError`."""
        return self.key.read_internal("refresh", token.removeprefix("1."))


def read_access_token(key: SigningKey, token: str) -> Access | None:
    """Return what a token for Exchange Online says; None for any other or a spent one."""
    try:
        claims = key.read(token, OUTLOOK_AUDIENCES)
    except jwt.PyJWTError:
        return None
    return Access(
        user=claims.get("upn"),
        scopes=frozenset(claims.get("scp", "").split()),
        roles=frozenset(claims.get("roles", ())),
        expires=claims["exp"],
    )


def client_info(person: Person) -> str:
    """Return the `client_info` value, from which MSAL makes an account's id."""
    document = json.dumps({"uid": person.oid, "utid": TENANT_ID}).encode()
    return base64.urlsafe_b64encode(document).rstrip(b"=").decode()
