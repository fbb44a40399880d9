"""Which finding an answer of Entra's or a network error stands for: tables, pure.

The mail servers' words are read by `mail_replies`; the texts lie in the catalogue.

Source: Microsoft Learn, "Microsoft Entra authentication and authorization error codes".
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
