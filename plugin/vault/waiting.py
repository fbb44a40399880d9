"""Waiting: for another worker's renewal, and after a fault, whose reason is kept and told again."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from ..errors import RegistrationError, UnavailableError
from ..findings.redact import one_line
from ..wire.deadline import Deadline

if TYPE_CHECKING:
    from ..store.grants import TokenRow

#: Seconds between two looks at the row while another worker renews: growing, and spread.
_FIRST_LOOK, _LONGEST_LOOK = 0.05, 0.5
#: Seconds to wait after a refusal of the registration; each further one doubles them, up to an end.
_REGISTRATION_WAIT, _LONGEST_REGISTRATION_WAIT = 60.0, 900.0
#: Likewise after faults that pass; Microsoft may ask for more by Retry-After.
_LONGEST_PASSING_WAIT = 60.0


class Patience:
    """How long a worker waits for another one's renewal, and how often it looks."""

    def __init__(self, seconds: float) -> None:
        self._deadline = Deadline.after(seconds)
        self._look = _FIRST_LOOK

    def wait(self) -> None:
        """Sleep until the next look; raise ``UnavailableError`` if there is no time for one."""
        try:
            self._deadline.remaining()
        except TimeoutError as err:
            raise UnavailableError("another worker is renewing the token") from err
        # Jitter: workers that poll in step would all try the lease at once.
        time.sleep(self._look * (0.5 + secrets.randbelow(100) / 100))
        self._look = min(self._look * 1.5, _LONGEST_LOOK)


def wait_after(err: RegistrationError | UnavailableError, row: TokenRow) -> float:
    """Return the seconds in which no request is made; `row` is as it was before this fault."""
    doubled = 2 * row.last_wait
    if isinstance(err, RegistrationError):
        return min(max(_REGISTRATION_WAIT, doubled), _LONGEST_REGISTRATION_WAIT)
    return max(err.retry_after, min(doubled, _LONGEST_PASSING_WAIT))


def is_throttled(row: TokenRow) -> bool:
    """Return whether Microsoft itself has asked for the wait."""
    return (row.wait_reason or {}).get("code") == "throttled"


def reason_of(err: RegistrationError | UnavailableError) -> dict[str, Any]:
    """Return why one waits, as plain JSON without secrets, for `told_again`."""
    return {
        "reason": err.reason if isinstance(err, UnavailableError) else None,
        "code": err.code,
        "words": one_line(err.server_words),
        "references": err.references,
    }


def told_again(row: TokenRow, left: float) -> RegistrationError | UnavailableError:
    """Return the fault that `row` waits after, with the seconds that are `left` by the clock."""
    why = row.wait_reason or {"reason": "waiting after a fault"}
    words, references = why.get("words", ""), why.get("references", {})
    if why.get("reason") is None:
        return RegistrationError(
            why["code"], server_words=words, references=references, retry_after=left
        )
    return UnavailableError(
        why["reason"],
        code=why.get("code"),
        server_words=words,
        references=references,
        retry_after=left,
    )
