"""Who may sign in to IMAP and SMTP: the token, the user that XOAUTH2 names, and the policies."""

import base64
import binascii
import re
from dataclasses import dataclass, field

from .. import replies
from ..identity.tokens import Access, SigningKey, read_access_token
from ..tenant.scopes import OUTLOOK
from ..tenant.tenant import Tenant

IMAP_CHALLENGE = replies.challenge(f"{OUTLOOK}/IMAP.AccessAsUser.All")
SMTP_CHALLENGE = replies.challenge(f"{OUTLOOK}/SMTP.Send")
_BLOB = re.compile(rb"user=([^\x01]*)\x01auth=Bearer ([^\x01]*)\x01\x01", re.IGNORECASE)


class BadBlobError(ValueError):
    """The XOAUTH2 data is malformed."""


class RefusedError(Exception):
    """The sign-in is refused with `reply`."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


@dataclass(frozen=True)
class Blob:
    """What a client says in XOAUTH2."""

    user: str
    token: str = field(repr=False)


def read_blob(encoded: bytes) -> Blob:
    """Return the user and the token of an XOAUTH2 response in base64. Raises BadBlobError."""
    try:
        found = _BLOB.fullmatch(base64.b64decode(encoded, validate=True))
        if found is None:
            raise BadBlobError
        return Blob(found[1].decode().lower(), found[2].decode("ascii"))
    except (binascii.Error, UnicodeDecodeError) as err:
        raise BadBlobError from err


class MailAccess:
    """Decides about sign-ins."""

    def __init__(self, tenant: Tenant, key: SigningKey) -> None:
        self.tenant = tenant
        self._key = key

    def imap(self, blob: Blob) -> tuple[Access, bool]:
        """Return what the token gives, and whether the mailbox is reached. Raises RefusedError."""
        policies = self.tenant.policies
        if policies.imap_auth_reply is not None:
            raise RefusedError(policies.imap_auth_reply)
        access = read_access_token(self._key, blob.token)
        if access is None or blob.user not in self.tenant.mailboxes:
            raise RefusedError(replies.IMAP_REFUSED)
        if blob.user in policies.imap_disabled_for:
            raise RefusedError(replies.IMAP_REFUSED)
        if "IMAP.AccessAsApp" in access.roles:
            reaches = True
        elif access.user is None or "IMAP.AccessAsUser.All" not in access.scopes:
            raise RefusedError(replies.IMAP_REFUSED)
        else:
            reaches = self.tenant.may_open(access.user, blob.user)
        return access, reaches and blob.user not in policies.authenticated_but_not_connected_for

    def smtp(self, blob: Blob) -> str:
        """Return the mailbox that signs in. Raises RefusedError."""
        policies = self.tenant.policies
        if policies.smtp_auth_reply is not None:
            raise RefusedError(policies.smtp_auth_reply)
        access = read_access_token(self._key, blob.token)
        if access is None or not self._names_itself(access, blob.user):
            raise RefusedError(replies.SMTP_REFUSED)
        if policies.security_defaults:
            raise RefusedError(replies.SMTP_SECURITY_DEFAULTS)
        if policies.smtp_auth_disabled:
            raise RefusedError(replies.SMTP_TENANT_DISABLED)
        if blob.user in policies.smtp_auth_disabled_for:
            raise RefusedError(replies.SMTP_MAILBOX_DISABLED)
        return blob.user

    def _names_itself(self, access: Access, user: str) -> bool:
        if "SMTP.SendAsApp" in access.roles:
            return user in self.tenant.mailboxes
        return access.user == user and "SMTP.Send" in access.scopes
