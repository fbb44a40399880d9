"""Which finding an answer or an error stands for: tables, pure. The texts lie in the catalogue.

Sources: Microsoft Learn, "Microsoft Entra authentication and authorization error codes" and
"Authenticated client SMTP submission"; for IMAP, what Exchange Online was seen to answer.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Characters of an answer that are looked at.
_LOOKED_AT = 4096
#: A server may name any number; nobody waits longer than an hour for it.
_LONGEST_WAIT = 3600.0
_BACKOFF = re.compile(r"Suggested Backoff Time:\s*(\d{1,12})\s*milliseconds", re.IGNORECASE)


def _numbered(rows: Mapping[str, Iterable[int]]) -> Mapping[int, str]:
    return MappingProxyType({number: code for code, numbers in rows.items() for number in numbers})


# The numbers of AADSTS… errors: what each says about the person, the registration, the moment.
_PERSON = _numbered(
    {
        "account_foreign": (50020, 50034, 90072, 500208, 700005),
        "account_unusable": (50053, 50055, 50057, 50126),
        "interaction_required": (50074, 50076, 50079, 50158, 70043),
        "blocked_by_policy": (53000, 53001, 53003, 530032, 530035),
        "administrator_needed": (65001, 90094, 90095, 650056),
        "basic_permission_missing": (90008,),
        "declined": (65004,),
        "user_not_assigned": (50105,),
        "grant_refused": (50089, 50173, 70000, 70008, 700081, 700082, 700084),
        "code_spent": (54005, 501481),
        "request_loop": (50196,),
    }
)
_REGISTRATION = _numbered(
    {
        "redirect_uri_unknown": (50011, 500112, 500113, 900971, 9002325),
        "client_id_unknown": (700016,),
        "tenant_unknown": (90002,),
        "single_tenant": (50194,),
        "secret_wrong": (7000215,),
        "secret_expired": (7000222,),
        "secret_missing": (7000218,),
        "public_client": (700025,),
        "certificate_refused": (700027,),
        "clock_wrong": (700024,),
        "administrator_needed": (650056,),
        "request_malformed": (28003, 70011, 700022, 900144, 9002313),
    }
)
_PASSING = _numbered(
    {
        "microsoft_unavailable": (50033, 90006, 90024, 90033),
        "throttled": (90055,),
        "request_loop": (50196,),
    }
)
_LASTING = MappingProxyType({**_PERSON, **_REGISTRATION})

#: The OAuth ``error`` gives the finding, and says which numbers may refine it (RFC 6749 §4.1.2.1
#: and §5.2, OpenID Connect Core §3.1.2.6): a number never makes a passing fault a lasting one.
_ERRORS: Mapping[str, tuple[str, Mapping[int, str]]] = MappingProxyType(
    {
        "access_denied": ("declined", _LASTING),
        "consent_required": ("administrator_needed", _LASTING),
        "interaction_required": ("interaction_required", _LASTING),
        "login_required": ("interaction_required", _LASTING),
        "invalid_grant": ("grant_refused", _LASTING),
        "invalid_nonce": ("foreign_token", {}),
        "invalid_client": ("registration_refused", _REGISTRATION),
        "unauthorized_client": ("registration_refused", _REGISTRATION),
        "invalid_request": ("request_malformed", _LASTING),
        "invalid_resource": ("request_malformed", _LASTING),
        "invalid_scope": ("request_malformed", _LASTING),
        "unsupported_grant_type": ("request_malformed", _LASTING),
        "unsupported_response_type": ("request_malformed", _LASTING),
        "server_error": ("microsoft_unavailable", _PASSING),
        "slow_down": ("throttled", _PASSING),
        "temporarily_unavailable": ("microsoft_unavailable", _PASSING),
    }
)

_IMAP = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"authenticated but not connected", "mailbox_not_connected"),
        (r"AccessTokenExpired", "token_expired"),
        (r"Request is throttled|Suggested Backoff Time", "imap_throttled"),
        (r"\[TRYCREATE\]|Folder is not found|doesn't exist", "folder_missing"),
        # RFC 5530 names response codes for the last two kinds.
        (r"AUTHENTICATE failed|\[AUTHENTICATIONFAILED\]", "imap_refused"),
        (r"\bBYE\b|Connection closed|\[UNAVAILABLE\]", "imap_closed"),
    )
)

# One enhanced status code (RFC 3463) serves many meanings at Exchange, so words come first.
_SMTP = tuple(
    (re.compile(pattern, re.IGNORECASE), code)
    for pattern, code in (
        (r"SmtpClientAuthentication is disabled for the Tenant", "smtp_auth_disabled"),
        (r"SmtpClientAuthentication is disabled for the Mailbox", "smtp_auth_disabled_mailbox"),
        (r"security defaults policy", "security_defaults"),
        (r"basic authentication is disabled", "basic_auth_refused"),
        (r"\b5\.7\.139\b", "smtp_sign_in_blocked"),
        (r"\b5\.7\.30\b", "basic_auth_retired"),
        (r"\b5\.7\.57\b", "smtp_not_authenticated"),
        (r"\b5\.5\.124\b|Invalid XOAUTH2", "xoauth2_malformed"),
        (r"SendAsDenied|\b5\.2\.252\b|\b5\.7\.60\b", "send_as_denied"),
        (r"SubmissionQuotaExceeded", "quota_exceeded"),
        (r"Concurrent connections limit|sender thread limit", "too_many_connections"),
        (r"\b5\.2\.2\b", "mailbox_full"),
        (r"\b5\.1\.8\b", "sender_blocked"),
    )
)

_CERTIFICATE = {  # X509_V_ERR_… of OpenSSL
    9: "clock_wrong",  # not yet valid
    10: "tls_expired",
    18: "tls_untrusted",  # self-signed
    19: "tls_untrusted",  # self-signed in the chain
    20: "tls_untrusted",  # issuer unknown
    21: "tls_untrusted",
    62: "tls_wrong_host",
    64: "tls_wrong_host",  # an IP address
}
_TOO_OLD = re.compile(
    r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS_AVAILABLE|VERSION_TOO_LOW"
)
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})
_TIMED_OUT = {"name": "name_lookup_failed", "connect": "connection_timed_out"}
_UNAVAILABLE = {
    "ProxyError": "proxy_failed",
    "SSLError": "sign_in_tls_failed",
    "ResponseTooLargeError": "too_much_data",
    "status 429": "throttled",
}


def entra_code(error: str, aadsts: Sequence[int]) -> str:
    """Return the finding for an OAuth `error`; `aadsts` numbers choose a closer one of its kind."""
    code, refined = _ERRORS.get(error, ("sign_in_refused", _LASTING))
    return next((refined[number] for number in aadsts if number in refined), code)


def imap_code(words: str, *, stage: str) -> str:
    """Return the finding for a NO, BAD or BYE; `words` may or may not begin with that word."""
    text = words[:_LOOKED_AT]
    found = next((code for pattern, code in _IMAP if pattern.search(text)), "imap_unknown")
    # What "doesn't exist" before a folder was named is no folder.
    return "imap_unknown" if found == "folder_missing" and stage == "sign_in" else found


def smtp_code(status: int, words: str, *, stage: str) -> str:
    """Return the finding for a reply; `words` are those behind the `status`, lines joined."""
    text = " ".join(words[:_LOOKED_AT].split())
    for pattern, code in _SMTP:
        if status >= 400 and pattern.search(text):
            return code
    if 400 <= status < 500:
        return "server_busy"  # RFC 5321 §4.2.1: a transient answer, try again
    return "smtp_refused" if status == 535 and stage == "sign_in" else "smtp_unknown"


def network_code(err: BaseException, *, stage: str) -> str:
    """Return the finding for what a socket, TLS or the deadline raised."""
    known = getattr(err, "code", None)
    if isinstance(known, str):  # our own deadline names its finding
        return known
    match err:
        case socket.gaierror():
            temporary = err.errno == socket.EAI_AGAIN
            code = "name_lookup_failed" if temporary else "name_not_found"
        case ssl.SSLError():
            code = _tls_code(err)
        case TimeoutError():
            code = _TIMED_OUT.get(stage, "deadline_passed")
        case ConnectionRefusedError():
            code = "connection_refused"
        case ConnectionError() | EOFError():
            code = "connection_lost"
        case OSError() if err.errno in _NO_ROUTE:
            code = "no_route"
        case _:
            code = "network_unknown"
    return code


def _tls_code(err: ssl.SSLError) -> str:
    # OpenSSL's errors carry these attributes; what Python code raises itself may not.
    if isinstance(err, ssl.SSLCertVerificationError):
        return _CERTIFICATE.get(getattr(err, "verify_code", 0), "tls_untrusted")
    if isinstance(err, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "connection_lost"
    return "tls_too_old" if _TOO_OLD.search(getattr(err, "reason", "") or "") else "tls_failed"


def unavailable_code(reason: str) -> str:
    """Return the finding for the `reason` of an ``UnavailableError``."""
    return _UNAVAILABLE.get(reason, "microsoft_unavailable")


def retry_after(words: str) -> float:
    """Return the seconds of a "Suggested Backoff Time", at most an hour; 0 if there is none."""
    found = _BACKOFF.search(words[:_LOOKED_AT])
    return min(int(found[1]) / 1000, _LONGEST_WAIT) if found else 0.0
