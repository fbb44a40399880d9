"""What Microsoft's mail servers answer, word for word where their words are known."""

import base64
import json
from datetime import UTC, datetime
from email.utils import format_datetime

#: the server that greets, and the one that takes messages
SMTP_FRONT = "FR3P281CA0001.outlook.office365.com"
SMTP_BACK = "FR3P281MB0001.DEUP281.PROD.OUTLOOK.COM"
SIZE = 157286400
_SERVER = "[FR3P281CA0001.DEUP281.PROD.OUTLOOK.COM]"
_HOSTNAME = f"[Hostname={SMTP_BACK}]"
_UNSUCCESSFUL = "535 5.7.139 Authentication unsuccessful,"
_PERMANENT = "Failed to process message due to a permanent exception with message"

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

# The conversation of SMTP, as public logs of Exchange show it.
SMTP_READY_FOR_TLS = "220 2.0.0 SMTP server ready"
SMTP_CLOSING = "221 2.0.0 Service closing transmission channel"
SMTP_OK = "250 2.0.0 OK"
SMTP_RESET = "250 2.0.0 Resetting"
SMTP_SENDER_OK = "250 2.1.0 Sender OK"
SMTP_RECIPIENT_OK = "250 2.1.5 Recipient OK"
SMTP_CANNOT_VERIFY = "252 2.1.5 Cannot VRFY user"
SMTP_START_DATA = "354 Start mail input; end with <CRLF>.<CRLF>"
SMTP_TIMEOUT = "451 4.7.0 Timeout waiting for client input"
SMTP_LINE_TOO_LONG = "500 5.5.2 Line too long"
SMTP_UNRECOGNIZED = "500 5.3.3 Unrecognized command"
SMTP_BAD_SENDER = "501 5.1.7 Invalid address"
SMTP_BAD_RECIPIENT = "501 5.1.3 Invalid address"
SMTP_BAD_ARGUMENTS = "501 5.5.4 Invalid arguments"
SMTP_BAD_SEQUENCE = "503 5.5.1 Bad sequence of commands"
SMTP_NEED_HELLO = "503 5.5.2 Send hello first"
SMTP_NEED_MAIL = "503 5.5.2 Need mail command"
SMTP_NEED_RECIPIENT = "503 5.5.2 Need rcpt command"
SMTP_SENDER_GIVEN = "503 5.5.2 Sender already specified"
SMTP_BAD_MECHANISM = "504 5.7.4 Unrecognized authentication type"
SMTP_NEEDS_UTF8 = "550 5.6.7 Non-ASCII address without SMTPUTF8"
SMTP_TOO_LARGE = "552 5.3.4 Message size exceeds fixed maximum message size"

# Sign-in.
SMTP_ACCEPTED = "235 2.7.0 Authentication successful"
SMTP_CANCELLED = "501 5.7.0 Authentication cancelled"
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

# Limits and refusals of a whole message.
SMTP_TOO_MANY_CONNECTIONS = (
    "432 4.3.2 Concurrent connections limit exceeded. "
    f"Visit https://aka.ms/concurrent_sending for more information. {_HOSTNAME}"
)
SMTP_THREAD_LIMIT = f"432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded {_HOSTNAME}"
SMTP_TOO_MANY_RECIPIENTS = "452 4.5.3 Too many recipients"
SMTP_MAX_SUBMISSION = (
    "554 5.2.3 MapiExceptionMaxSubmissionExceeded; Message size exceeds maximum size limit.; "
    "STOREDRV.Submission.Exception:MessageSubmissionExceededException."
    f"MapiExceptionMaxSubmissionExceeded; {_PERMANENT} "
    f"Cannot save changes made to an item to store. {_HOSTNAME}"
)
SMTP_QUOTA_EXCEEDED = (
    "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException; "
    f"{_PERMANENT} The message can't be submitted because the sender's submission quota was "
    f"exceeded. {_HOSTNAME}"
)
SMTP_MAILBOX_FULL = (
    "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException."
    f"MapiExceptionShutoffQuotaExceeded; {_PERMANENT} Cannot save changes made to an item to "
    f"store. {_HOSTNAME}"
)
SMTP_SENDER_BLOCKED = "550 5.1.8 Access denied, bad outbound sender"
SMTP_DAILY_LIMIT = (
    "550 5.1.90 Your message can't be sent because you've reached your daily limit for "
    "message recipients"
)
SMTP_TENANT_LIMIT = (
    "550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit for "
    "sending email to external recipients (tenant external recipient rate limit)"
)
#: what a sender hears who went on in spite of refusals, by the kind of refusal
SMTP_THROTTLED = {
    "mailbox_full": "550 5.2.251 Sender throttled due to continuous mailbox full errors.",
    "send_as_denied": "550 5.2.252 Sender throttled due to continuous send as denied errors.",
    "invalid_license": "550 5.2.253 Sender throttled due to continuous invalid license errors.",
    "too_many_recipients": "550 5.2.254 Sender throttled due to continuous too many recipients "
    "errors.",
    "invalid_recipients": "550 5.2.255 Sender throttled due to continuous invalid recipients "
    "errors.",
}

# What becomes of a message that was taken: the words in a report.
NDR_UNKNOWN = (
    "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"
)
NDR_MAILBOX_FULL = (
    "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException."
    "MapiExceptionShutoffQuotaExceeded; Failed to process message due to a permanent exception"
)
NDR_REFUSED_OUTSIDE = "550 5.1.1 The email account that you tried to reach does not exist"
NDR_DELAYED = "400 4.4.7 Message delayed"

#: passing refusals seen in public logs, to be scripted at any stage
PASSING = (
    "421 4.3.2 Service not active",
    "451 4.7.0 Temporary server error. Please try again later. PRX4",
    "451 4.7.500 Server busy. Please try again later",
    "451 4.3.111 Temporary server error. Please try again later MRH1",
    "454 4.7.0 Temporary authentication failure",
)


def smtp_greeting() -> str:
    """Return the first line of an SMTP server."""
    now = datetime.now(UTC)
    mark = f"{int(now.timestamp() * 1000):016X}"
    ready = f"Microsoft ESMTP MAIL Service ready at {format_datetime(now)}"
    return f"220 {SMTP_FRONT} {ready} [{mark}]"


def smtp_hello(*, secured: bool) -> list[str]:
    """Return the lines that follow EHLO, in Exchange's order."""
    first = ["SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES"]
    second = ["AUTH LOGIN XOAUTH2" if secured else "STARTTLS"]
    return [*first, *second, "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8"]


def smtp_chunk_taken(octets: int) -> str:
    """Return the answer to a chunk that is not the last (RFC 3030)."""
    return f"250 2.6.0 CHUNK received OK, {octets} octets"


def smtp_taken(message_id: str) -> str:
    """Return the acceptance of a message; Exchange Online repeats its Message-ID."""
    return f"250 2.0.0 OK {message_id} {_HOSTNAME}"


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
