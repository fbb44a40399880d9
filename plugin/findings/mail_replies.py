"""Which finding a mail server's words stand for: tables, pure. The texts lie in the catalogue.

Sources: RFC 5530 and RFC 3463; Microsoft Learn, "Authenticated client SMTP submission", "Exchange
Online limits" and "Email non-delivery reports in Exchange Online"; and what Exchange Online was
seen to answer, in public logs of other clients.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Characters of an answer that are looked at.
_LOOKED_AT = 4096
#: A server may name any number; nobody waits longer than an hour for it.
_LONGEST_WAIT = 3600.0
_BACKOFF = re.compile(r"Suggested Backoff Time:\s*(\d{1,12})\s*milliseconds", re.IGNORECASE)
#: Stages of sending a message (RFC 5321): what is refused there is a recipient, or the message.
RECIPIENT, MESSAGE = "recipient", "message"

_RESPONSE_CODE = re.compile(r"(?:\* )?(?:(?:NO|BAD|BYE|OK) )?\[([A-Z-]{1,30})[\] ]", re.IGNORECASE)
#: The response codes of RFC 5530 and RFC 3501 (TRYCREATE) that give a reason. The others say
#: nothing about an account: CANNOT, CLIENTBUG, CONTACTADMIN, CORRUPTION and so on are not known.
_RESPONSES: Mapping[str, str] = MappingProxyType(
    {
        "AUTHENTICATIONFAILED": "imap_refused",
        "AUTHORIZATIONFAILED": "mailbox_not_connected",
        "EXPIRED": "token_expired",
        "INUSE": "imap_unavailable",
        "LIMIT": "imap_throttled",
        "NONEXISTENT": "folder_missing",
        "NOPERM": "imap_not_permitted",
        "OVERQUOTA": "mailbox_full",
        "SERVERBUG": "imap_unavailable",
        "TRYCREATE": "folder_missing",
        "UNAVAILABLE": "imap_unavailable",
    }
)
_IMAP = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"authenticated but not connected", "mailbox_not_connected"),
        (r"AccessTokenExpired", "token_expired"),
        (r"Request is throttled|Suggested Backoff Time", "imap_throttled"),
        (r"Too many (?:\w+ ){0,2}(?:connections|sessions)", "imap_connections"),
        (r"Server (?:is )?(?:Unavailable|busy)|temporarily unavailable", "imap_unavailable"),
        (r"Folder is not found|doesn't exist", "folder_missing"),
        (r"AUTHENTICATE failed", "imap_refused"),
        (r"\bBYE\b|Connection (?:is )?closed", "imap_closed"),
    )
)
#: Nobody has signed in at the greeting, so it can refuse nobody: NO (which RFC 3501 does not know
#: there) means not now.
_OF_THE_MOMENT = {"imap_closed", "imap_connections", "imap_throttled", "imap_unavailable"}
_GREETING_REFUSES = re.compile(r"(?:NO|BAD)\b", re.IGNORECASE)

# One enhanced status code (RFC 3463) serves many meanings at Exchange, so words come first.
_SMTP = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"SmtpClientAuthentication is disabled for the Tenant", "smtp_auth_disabled"),
        (r"SmtpClientAuthentication is disabled for the Mailbox", "smtp_auth_disabled_mailbox"),
        (r"security defaults policy", "security_defaults"),
        (r"basic authentication is disabled", "basic_auth_refused"),
        (r"throttled due to continuous|\b5\.2\.25[1345]\b", "sender_throttled"),
        (r"\b5\.7\.139\b", "smtp_sign_in_blocked"),
        (r"\b5\.7\.30\b", "basic_auth_retired"),
        (r"\b5\.7\.57\b", "smtp_not_authenticated"),
        (r"\b5\.5\.124\b|Invalid XOAUTH2", "xoauth2_malformed"),
        (r"\b[45]\.7\.66\b", "smtp_tls_too_old"),
        (r"\b5\.7\.4\b|Unrecognized authentication type", "xoauth2_missing"),
        (r"SendAsDenied|\b5\.2\.252\b|\b5\.7\.60\b|send as this sender", "send_as_denied"),
        (r"SubmissionQuotaExceeded|\b5\.1\.90\b", "quota_exceeded"),
        (r"Concurrent connections limit|sender thread limit", "too_many_connections"),
        (r"MaxSubmissionExceeded|\b5\.2\.3\b|\b5\.3\.4\b", "message_too_large"),
        (r"RecipLimit|\b[45]\.5\.3\b", "too_many_recipients"),
        (r"\b5\.7\.233\b", "tenant_quota_exceeded"),
        (r"\b5\.7\.(?:70[58]|750)\b", "tenant_blocked"),
        (r"\b5\.7\.509\b", "sender_domain_refused"),
        (r"\b5\.1\.8\b|\b5\.7\.(?:50[1-3]|511)\b", "sender_blocked"),
        (r"\b5\.1\.7\b", "sender_malformed"),
        (r"\b5\.1\.(?:[0-6]|10)\b|\b5\.4\.1\b", "recipient_refused"),
        (r"\b5\.2\.2\b", "mailbox_full"),
    )
)
#: At a recipient these speak of that recipient's address or mailbox, not of the sender's.
_RECIPIENTS_OWN = frozenset({"mailbox_full", "sender_malformed"})
#: These speak of nothing before there is a message: at the sign-in, of the line perhaps.
_OF_A_MESSAGE = frozenset(
    {"message_too_large", "recipient_refused", "sender_malformed", "too_many_recipients"}
)
_UNKNOWN_AT = {RECIPIENT: "recipient_refused", MESSAGE: "message_refused"}


def imap_code(words: str, *, stage: str) -> str:
    """Return the finding for a NO, BAD or BYE; `words` may or may not begin with that word.

    `stage` is one of Test Connection's; ``greeting`` for what a server says before any command.
    """
    text = words[:_LOOKED_AT]
    said = _RESPONSE_CODE.match(text)
    found = said and _RESPONSES.get(said[1].upper())
    found = found or next((code for pattern, code in _IMAP if pattern.search(text)), "imap_unknown")
    if stage == "greeting" and found not in _OF_THE_MOMENT:
        return "imap_unavailable" if _GREETING_REFUSES.match(text) else "imap_unknown"
    if stage == "sign_in" and found == "folder_missing":
        return "imap_unknown"  # no folder was named yet
    return found


def smtp_code(status: int, words: str, *, stage: str) -> str:
    """Return the finding for a reply; `words` are those behind the `status`, lines joined.

    `stage` is one of Test Connection's, or `RECIPIENT` or `MESSAGE`.
    """
    text = " ".join(words[:_LOOKED_AT].split())
    if status >= 400 and (found := _smtp_known(text, stage)):
        return found
    if 400 <= status < 500:
        return "server_busy"  # RFC 5321 §4.2.1: a transient answer, try again
    if status == 535 and stage == "sign_in":
        return "smtp_refused"
    return _UNKNOWN_AT.get(stage, "smtp_unknown") if status >= 500 else "smtp_unknown"


def _smtp_known(text: str, stage: str) -> str | None:
    found = next((code for pattern, code in _SMTP if pattern.search(text)), None)
    if found in _OF_A_MESSAGE and stage in {"tls", "sign_in"}:
        return None
    if found in _RECIPIENTS_OWN and stage == RECIPIENT:
        return "recipient_refused"
    return found


def retry_after(words: str) -> float | None:
    """Return the seconds of a "Suggested Backoff Time", at most an hour; None if there is none."""
    found = _BACKOFF.search(words[:_LOOKED_AT])
    return min(int(found[1]) / 1000, _LONGEST_WAIT) if found else None
