"""Access for the host's own mail pipeline: where to connect, as whom, with which token."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class Protocol(StrEnum):
    """A mail protocol that takes XOAUTH2."""

    IMAP = "imap"
    SMTP = "smtp"


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAccess:
    """What a program of the host's needs to open a mailbox. `token` and `xoauth2` are secrets.

    `security` is ``tls`` (from the first byte) or ``starttls``. `username` is the name in the SASL
    string: the signed-in user for SMTP, the mailbox for IMAP. A connection that is opened with it
    stands outside the limits that the plugin keeps; ``smtp_connection`` stands within.
    """

    protocol: Protocol
    host: str
    port: int
    security: str
    username: str
    mailbox: str
    sender: str
    token: str = field(repr=False)
    expires_at: datetime
    ca_file: Path | None = None

    @property
    def xoauth2(self) -> str:
        """The SASL string of XOAUTH2 in base64, as AUTH and AUTHENTICATE take it.

        Source: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth".
        """
        blob = f"user={self.username}\x01auth=Bearer {self.token}\x01\x01"
        return base64.b64encode(blob.encode()).decode("ascii")
