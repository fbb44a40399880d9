"""XOAUTH2, the SASL mechanism of Microsoft and Google: what the client says, pure and checked.

Source: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth".
"""

from __future__ import annotations

import base64
import binascii
import re

#: What Exchange Online sends has about 150 bytes.
_LONGEST_CHALLENGE = 8 * 1024
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def xoauth2(user: str, token: str) -> str:
    r"""Return the initial response in base64.

    Raises ``ValueError`` for a user or token with control characters: a \x01 in the user would
    end its field and put another token into the blob. No message holds the token.
    """
    if not user or _CONTROL.search(user):
        raise ValueError("The user of XOAUTH2 is empty or has control characters.")
    if not _TOKEN.fullmatch(token):
        raise ValueError("The access token is empty or has characters that no token has.")
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()


def challenge_text(challenge: bytes) -> str:
    """Return the text of an error challenge, a JSON document in base64; empty if it is neither.

    The text goes on to people only (redacted): Microsoft's documents say no more than a status.
    """
    if len(challenge) > _LONGEST_CHALLENGE:
        return ""
    try:
        return base64.b64decode(challenge, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
