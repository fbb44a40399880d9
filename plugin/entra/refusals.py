"""What Microsoft's token endpoint answers, as our errors. Asking is `identity`'s job.

MSAL reports failure as a dict with ``error``, as ``MsalServiceError``, ``ValueError``, None or a
``requests`` exception. Control flow follows the OAuth ``error`` field alone (RFC 6749 §5.2); the
AADSTS numbers only travel along for the advice, for Microsoft may change them.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..errors import M365Error, RegistrationError, UnavailableError
from ..findings.classify import entra_code

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGISTRATION_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_PASSING_STATUSES = frozenset({408, 425, 429})
#: Seconds to wait where Microsoft names none, and the longest that it may name.
_WAIT, _LONGEST_WAIT = 5.0, 3600.0


class GrantRefusedError(M365Error):
    """Microsoft refuses this grant or code: `error` decides, the rest advises."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.error = str(answer.get("error", ""))[:100]
        self.aadsts = tuple(c for c in answer.get("error_codes") or () if isinstance(c, int))
        #: Microsoft's own text: show it redacted and escaped only, never branch on it.
        self.description = str(answer.get("error_description", ""))
        references = {
            name: str(answer[name])[:100]
            for name in ("trace_id", "correlation_id", "timestamp")
            if name in answer
        }
        super().__init__(
            entra_code(self.error, self.aadsts),
            server_words=self.description,
            references=references,
        )
        #: Claims that the next sign-in must ask for, as JSON text (``interaction_required``).
        self.claims = claims if isinstance(claims := answer.get("claims"), str) else None


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After header names (RFC 9110 §10.2.3), None without one."""
    if retry_after is None:
        return None
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(0.0, seconds), _LONGEST_WAIT)


def refusal(answer: Mapping[str, Any], *, status: int, retry_after: float | None) -> M365Error:
    """Return the error that an answer with an ``error`` field stands for."""
    error = answer.get("error")
    if not isinstance(error, str):
        return broken(status=status, retry_after=retry_after)
    if status in _PASSING_STATUSES or status >= 500 or error in _PASSING_ERRORS:
        return UnavailableError(f"status {status}", retry_after=retry_after or _WAIT)
    refused = GrantRefusedError(answer)
    if error not in _REGISTRATION_ERRORS:
        return refused
    registration = RegistrationError(
        refused.code, server_words=refused.description, references=refused.references
    )
    registration.__cause__ = refused
    return registration


def broken(*, status: int, retry_after: float | None, discovering: bool = False) -> M365Error:
    """Return the error that an answer stands for which is not one: no JSON, no token."""
    if discovering and status in {400, 404}:
        # Discovery of a tenant that does not exist; MSAL gives the reason as prose only.
        return RegistrationError("tenant_unknown")
    reason = f"status {status}" if status else "no usable answer"
    return UnavailableError(reason, retry_after=retry_after or _WAIT)
