"""What Exchange Online says over IMAP, word for word, and where that was seen.

Logs of clients that others published: MailKit#1282, #1449 and #2016, email-oauth2-proxy#68,
mailcore2#780, imapsync#239 and #250 on GitHub.
"""

import base64
import uuid

from ... import replies

_HOST = "FR3P281CA0001.DEUP281.PROD.OUTLOOK.COM"
_HOST_IN_BASE64 = base64.b64encode(_HOST.encode("utf-16-le")).decode()

GREETING = f"{replies.IMAP_GREETING} [{_HOST_IN_BASE64}]"
_BEFORE = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS"
_PROXY_BEFORE = "IMAP4 IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED SASL-IR UIDPLUS MOVE"
_REST = "CHILDREN IDLE NAMESPACE LITERAL+"
_PRIVATE = "CLIENTACCESSRULES CLIENTNETWORKPRESENCELOCATION BACKENDAUTHENTICATE"

IDENTITY = (
    '("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20" '
    '"vendor" "Microsoft Corporation")'
)
SIGNING_OFF = "* BYE Microsoft Exchange Server IMAP4 server signing off."
IDLE_ACCEPTED = "IDLE accepted, awaiting DONE command."
NO_SUCH_TARGET = "NO [TRYCREATE] Folder is not found."


def proxy_greeting() -> str:
    """Return the greeting of the front end that Exchange Online has had since 2026."""
    return (
        f"{replies.IMAP_PROXY_GREETING} {uuid.uuid4()} "
        f"(tcpproxy/15.21.0406.000 BACKENDAUTHENTICATE) [{_HOST_IN_BASE64}]"
    )


def capabilities(*, signed_in: bool, behind_proxy: bool, rev2: bool) -> str:
    """Return what CAPABILITY lists; IMAP4rev2 appears after sign-in only."""
    if not signed_in:
        return f"{_PROXY_BEFORE if behind_proxy else _BEFORE} ID UNSELECT {_REST}"
    enable = " ENABLE IMAP4rev2" if rev2 else ""
    private = f"{_PRIVATE} BACKENDAUTHENTICATE-IR" if behind_proxy else _PRIVATE
    return f"{_BEFORE} MOVE ID UNSELECT{enable} {private} {_REST}"


def throttled(milliseconds: int) -> str:
    """Return the refusal of a command of a mailbox that asks too much."""
    return f"{replies.IMAP_THROTTLED} {milliseconds} milliseconds"
