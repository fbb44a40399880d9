"""What Exchange Online answers, word for word where its words are known."""

import base64
import json

_SERVER = "[FR3P281CA0001.DEUP281.PROD.OUTLOOK.COM]"
_UNSUCCESSFUL = "535 5.7.139 Authentication unsuccessful,"

IMAP_GREETING = "The Microsoft Exchange IMAP4 service is ready."
IMAP_REFUSED = "NO AUTHENTICATE failed."
IMAP_NOT_CONNECTED = "BAD User is authenticated but not connected."
IMAP_CLOSED = "* BYE Connection closed. 14"
IMAP_TOKEN_EXPIRED = "* BYE Session invalidated - AccessTokenExpired"  # noqa: S105 - a reply
IMAP_PROXY_GREETING = "Microsoft Exchange IMAP4 service ready."
IMAP_TOO_MANY_SESSIONS = "NO Server Unavailable. 15"
IMAP_IDLE_TOO_LONG = "* BYE Connection is closed. 13"
IMAP_THROTTLED = "NO Request is throttled. Suggested Backoff Time:"
IMAP_BAD_BLOB = "BAD Command received in Invalid state."

SMTP_ACCEPTED = "235 2.7.0 Authentication successful"
SMTP_REFUSED = f"535 5.7.3 Authentication unsuccessful {_SERVER}"
SMTP_BAD_BLOB = "501 5.5.124 Invalid XOAUTH2 auth data"
SMTP_TENANT_DISABLED = (
    f"{_UNSUCCESSFUL} SmtpClientAuthentication is disabled for the Tenant. "
    f"Visit https://aka.ms/smtp_auth_disabled for more information. {_SERVER}"
)
SMTP_MAILBOX_DISABLED = SMTP_TENANT_DISABLED.replace("for the Tenant", "for the Mailbox")
SMTP_SECURITY_DEFAULTS = (
    f"{_UNSUCCESSFUL} user is locked by your organization's security defaults policy. "
    f"Contact your administrator. {_SERVER}"
)
SMTP_BASIC_DISABLED = f"{_UNSUCCESSFUL} basic authentication is disabled. {_SERVER}"
SMTP_NOT_AUTHENTICATED = f"530 5.7.57 Client not authenticated to send mail. {_SERVER}"


def smtp_send_as_denied(user: str, sender: str) -> str:
    """Return the refusal of a sender that the user has no SendAs for."""
    return (
        f"554 5.2.252 SendAsDenied; {user} not allowed to send as {sender}; "
        "STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied; "
        f"Failed to process message due to a permanent exception. {_SERVER}"
    )


def challenge(scope: str) -> bytes:
    """Return the base64 of the JSON document that precedes a refusal of XOAUTH2."""
    document = {"status": "400", "schemes": "Bearer", "scope": scope}
    return base64.b64encode(json.dumps(document).encode())
