"""When the registration's credential expires: a secret by its setting, a certificate by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import RegistrationError

if TYPE_CHECKING:
    from datetime import date

    from ...schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Expiry:
    """A credential and its last day."""

    credential: str
    on: date

    def days_left(self, today: date) -> int:
        """Return the days until then; below zero when it is over."""
        return (self.on - today).days


def credential_expiry(settings: Settings) -> Expiry | None:
    """Return when the credential expires, None if nobody has told.

    Raises ``RegistrationError`` (``certificate_unreadable``).
    """
    if settings.client_certificate is not None:
        return Expiry("certificate", _last_day(settings))
    expires = settings.client_secret_expires
    return None if expires is None else Expiry("client secret", expires)


def _last_day(settings: Settings) -> date:
    from cryptography import x509  # noqa: PLC0415 - for hosts with a certificate only

    assert settings.client_certificate is not None  # noqa: S101 - asked by the caller
    try:
        pem = settings.client_certificate.read_bytes()
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc.date()
    except (OSError, ValueError) as err:
        raise RegistrationError("certificate_unreadable") from err
