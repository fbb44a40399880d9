"""What the registration proves itself with: the client secret, or a certificate with its key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import RegistrationError

if TYPE_CHECKING:
    from ...schemas.settings import Settings


def credential_of(settings: Settings) -> Any:
    """Return the credential in MSAL's shape; raise ``RegistrationError`` for an unusable file."""
    if settings.client_certificate is None:
        return settings.client_secret
    try:
        pem = settings.client_certificate.read_text()
        usable = _is_key_with_certificate(pem.encode())
    except (OSError, UnicodeDecodeError) as err:
        raise RegistrationError("certificate_unreadable") from err
    if not usable:
        raise RegistrationError("certificate_unreadable")
    # MSAL computes the thumbprints from the certificate itself.
    return {"private_key": pem, "public_certificate": pem}


def _is_key_with_certificate(pem: bytes) -> bool:
    """Return whether the file holds both; MSAL would fail on anything else as on an odd answer."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - at first use
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_pem_private_key,
    )
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    try:
        load_pem_private_key(pem, None)
        load_pem_x509_certificate(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # a TypeError: it wants a password
        return False
    return True
