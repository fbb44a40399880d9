"""What Microsoft's refusals mean, as our errors. `identity` does the asking.

Control flow follows the OAuth ``error`` field alone (RFC 6749 §5.2). The AADSTS numbers only
choose the advice, because Microsoft may change them.
"""

from __future__ import annotations

import json
import re
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ..errors import M365Error, RegistrationError, UnavailableError
from ..findings.entra_codes import entra_code
from ..findings.redact import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGISTRATION_ERRORS = frozenset({"invalid_client", "unauthorized_client"})
_PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error", "slow_down"})
_PASSING_STATUSES = frozenset({408, 425, 429})
#: Seconds to wait where Microsoft names none, and the longest that it may name.
_WAIT, _LONGEST_WAIT = 5.0, 3600.0
_SECONDS = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
#: Characters of Microsoft's words, of each id, and of a claims request; numbers of one refusal.
_LONGEST_WORDS, _LONGEST_ID, _LONGEST_CLAIMS, _MOST_NUMBERS = 4096, 100, 4096, 20


class GrantRefusedError(M365Error):
    """Microsoft refuses this grant or code: `error` decides, the rest advises."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.error = _words(answer.get("error"), _LONGEST_ID)
        self.aadsts = _numbers(answer.get("error_codes"))
        #: Microsoft's own text: show it redacted and escaped only, never branch on it.
        self.description = _words(answer.get("error_description"), _LONGEST_WORDS)
        super().__init__(
            entra_code(self.error, self.aadsts),
            server_words=self.description,
            references={
                name: _words(answer[name], _LONGEST_ID)
                for name in ("trace_id", "correlation_id", "timestamp")
                if answer.get(name) is not None
            },
        )
        #: Claims that the next sign-in must ask for, as JSON text (``interaction_required``).
        self.claims = claims if isinstance(claims := answer.get("claims"), str) else None


class UnfitAnswerError(M365Error):
    """Microsoft let the person in, but its answer is of no use here; `code` says why."""


def _words(value: object, longest: int) -> str:
    """Return a value as text that can be stored and shown: no controls, no lone surrogates."""
    return "" if value is None else printable(str(value)[:longest])


def _numbers(value: object) -> tuple[int, ...]:
    """Return the error numbers in a list of anything."""
    listed = value[:_MOST_NUMBERS] if isinstance(value, list | tuple) else ()
    return tuple(each for each in listed if isinstance(each, int) and not isinstance(each, bool))


def claims_of(text: str | None) -> str | None:
    """Return a claims request as ASCII JSON if `text` is one (a JSON object), else None."""
    if not text or len(text) > _LONGEST_CLAIMS:
        return None
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return json.dumps(found, separators=(",", ":")) if isinstance(found, dict) else None


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON.")


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After header names (RFC 9110 §10.2.3), None without one."""
    if retry_after is None:
        return None
    text = retry_after.strip()[:_LONGEST_ID]
    if _SECONDS.fullmatch(text):
        return min(float(text), _LONGEST_WAIT)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    # A date may be one that no calendar has; email.utils lets a good deal through.
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
    return min(max(0.0, seconds), _LONGEST_WAIT)


def refusal(answer: Mapping[str, Any], *, status: int, retry_after: float | None) -> M365Error:
    """Return the error that an answer with an ``error`` field stands for."""
    error = answer.get("error")
    if not isinstance(error, str) or not error or not (status == 200 or 400 <= status < 600):
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
    """Return the error that a malformed answer stands for: no JSON, no token."""
    if discovering and status in {400, 404}:
        # Discovery of a tenant that does not exist; Microsoft gives the reason as prose only.
        return RegistrationError("tenant_unknown")
    reason = "no usable answer" if status in {0, 200} else f"status {status}"
    return UnavailableError(reason, retry_after=retry_after or _WAIT)
