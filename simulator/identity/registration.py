"""The app registration of the host: its client id, secret, certificates and redirect URIs."""

import base64
import hmac
import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from ..state import StateDirectory

CLIENT_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "salesorder-m365.contoso.test"))
APP_NAME = "Salesorder"


@dataclass
class Registration:
    """One client, as *App registrations* in Entra shows it.

    `redirect_uris` are of the platform Web, whose codes are redeemed with the secret;
    `public_redirect_uris` of *Mobile and desktop applications*, redeemed without one.
    """

    redirect_uris: set[str]
    state: StateDirectory = field(repr=False)
    client_id: str = CLIENT_ID
    name: str = APP_NAME
    client_secret: str = field(default="", repr=False)
    secret_expires: datetime | None = None
    #: thumbprint as in a JWT header (x5t or x5t#S256, base64url) → public key
    certificates: dict[str, rsa.RSAPublicKey] = field(default_factory=dict, repr=False)
    public_redirect_uris: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.client_secret = self.state.get("client_secret", "") or self.new_secret()

    @property
    def all_redirect_uris(self) -> set[str]:
        """The redirect URIs of both platforms."""
        return self.redirect_uris | self.public_redirect_uris

    def new_secret(self, expires: datetime | None = None) -> str:
        """Replace the client secret and return the new one."""
        self.client_secret = f"sim~{secrets.token_urlsafe(30)}"
        self.secret_expires = expires
        self.state.put("client_secret", self.client_secret)
        return self.client_secret

    def expire_secret(self) -> None:
        """Make the secret expire a moment ago."""
        self.secret_expires = datetime.now(UTC) - timedelta(seconds=1)

    @property
    def secret_is_expired(self) -> bool:
        """Return whether the secret's date has passed."""
        return self.secret_expires is not None and self.secret_expires <= datetime.now(UTC)

    def knows_secret(self, secret: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(secret.encode(), self.client_secret.encode())

    def add_certificate(self, pem: str | bytes) -> None:
        """Accept client assertions signed with this certificate's key (RFC 7523).

        Raises ValueError for what is no certificate, TypeError for one without an RSA key.
        """
        self.certificates.update(thumbprints(pem))


def thumbprints(pem: str | bytes) -> dict[str, rsa.RSAPublicKey]:
    """Return a certificate's key by its thumbprints, SHA-1 and SHA-256 as in a JWT header.

    Raises ValueError for what is no certificate, TypeError for one without an RSA key.
    """
    certificate = x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("Entra takes RSA certificates only")
    digests = [
        certificate.fingerprint(algorithm)
        for algorithm in (hashes.SHA1(), hashes.SHA256())  # noqa: S303 - x5t (RFC 7515, 4.1.7)
    ]
    return {base64.urlsafe_b64encode(digest).rstrip(b"=").decode(): key for digest in digests}
