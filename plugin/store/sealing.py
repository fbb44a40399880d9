"""Sealing values with AES-256-GCM and a ring of keys. What is sealed, and where, is the caller's.

A sealed value is ``version (1) | length of key id (1) | key id | nonce (12) | ciphertext and tag``
(NIST SP 800-38D, 96-bit random nonce). The associated data binds it to its table, account, column
and key, so that one row's value does not open in another's place.
"""

from __future__ import annotations

import base64
import hmac
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ..errors import SealError

if TYPE_CHECKING:
    from ...schemas.settings import Key

#: What a mark is of; no sealing uses the key with such a text.
_MARK = b"salesorder-m365 mark\0"
_VERSION = 1
_NONCE_BYTES = 12
_TAG_BYTES = 16
#: Bytes before the nonce at most: a key id has up to 32 characters.
LONGEST_HEADER = 2 + 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lies; it opens nowhere else."""

    table: str
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"

    def associated_data(self, key_id: str) -> bytes:
        """Return the bytes that AES-GCM authenticates; lengths keep the parts apart."""
        parts = (self.table, self.row, self.column, key_id)
        return b"".join(len(p.encode()).to_bytes(2, "big") + p.encode() for p in parts)


class KeyRing:
    """Several keys: the first writes, all read."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._secrets = {key.id: key.secret for key in keys}
        self._ciphers = {key.id: AESGCM(key.secret) for key in keys}
        #: The id of the key that writes.
        self.newest = keys[0].id

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._ciphers

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all keys, newest first."""
        return tuple(self._ciphers)

    def fingerprint(self, key_id: str) -> int:
        """Return a number that differs for another key under the same id, within this process."""
        return hash(self._secrets[key_id])

    def seal(self, secret: bytes, place: Place, *, key_id: str | None = None) -> bytes:
        """Seal `secret` for `place` with the newest key (or the one named)."""
        key_id = key_id or self.newest
        nonce = os.urandom(_NONCE_BYTES)
        data = place.associated_data(key_id)
        return header(key_id) + nonce + self._ciphers[key_id].encrypt(nonce, secret, data)

    def mark(self, text: str, *, key_id: str | None = None) -> str:
        """Return 22 characters by which a text is known again as one of ours (HMAC-SHA-256)."""
        secret = self._secrets[key_id or self.newest]
        tag = hmac.digest(secret, _MARK + text.encode(), "sha256")[:16]
        return base64.urlsafe_b64encode(tag).decode().rstrip("=")

    def has_marked(self, text: str, mark: str) -> bool:
        """Return whether a key of the ring gave this text this mark."""
        marks = [self.mark(text, key_id=key_id) for key_id in self.key_ids]
        return any(hmac.compare_digest(mark.encode(), known.encode()) for known in marks)

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Return the secret; raise ``SealError`` that tells a missing key from a damaged value."""
        key_id = sealing_key(sealed)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealError("sealing_key_missing", key=key_id, place=str(place))
        body = sealed[2 + len(key_id) :]
        try:
            return cipher.decrypt(
                body[:_NONCE_BYTES], body[_NONCE_BYTES:], place.associated_data(key_id)
            )
        except (InvalidTag, ValueError) as err:
            raise SealError("sealed_value_does_not_open", key=key_id, place=str(place)) from err


def header(key_id: str) -> bytes:
    """Return the bytes that every value sealed with this key begins with."""
    return bytes((_VERSION, len(key_id))) + key_id.encode("ascii")


def sealing_key(sealed: bytes) -> str:
    """Return the id of the key that `sealed` was sealed with."""
    shortest = _NONCE_BYTES + _TAG_BYTES
    if len(sealed) < 2 or sealed[0] != _VERSION or len(sealed) < 2 + sealed[1] + shortest:
        raise SealError("sealed_value_cut_off")
    return sealed[2 : 2 + sealed[1]].decode("ascii", errors="replace")
