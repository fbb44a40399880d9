"""Which finding a network error stands for: tables, pure. The texts lie in the catalogue.

The mail servers' words are read by `mail_replies`, Microsoft's refusals by `entra_codes`.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl

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
