"""Microsoft's answers, read into a known shape before MSAL sees them. `refusals` has the errors.

MSAL takes an answer's shape for granted. So nothing reaches it but JSON objects with the fields
that are used, each of the kind that the standards name; everything else is an error of ours.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UnavailableError
from .addresses import is_page
from .refusals import broken, refusal, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    #: Takes the fields of an answer with status 200 and returns those that MSAL shall see.
    Reader = Callable[[Mapping[str, Any]], dict[str, Any]]

#: RFC 6749, appendix A: tokens and scopes are printable ASCII.
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
#: Characters of one token; Microsoft's longest have some 5,000.
_LONGEST_TOKEN = 64 * 1024
#: Seconds that a token lives where the answer does not tell (RFC 6749 §5.1 only recommends it).
_USUAL_LIFE = 3600
#: A token's life is believed up to a day: Microsoft's longest is 28 hours (CAE), usual is one.
_LONGEST_LIFE = 24 * 3600
#: Seconds that a device code lives: where the answer does not tell, and at most.
_DEVICE_LIFE, _LONGEST_DEVICE_LIFE = 900, 1800
#: Seconds between two questions for a device: the least, what RFC 8628 §3.2 names, the most.
_SHORTEST_INTERVAL, _USUAL_INTERVAL, _LONGEST_INTERVAL = 1, 5, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainAnswer:
    """An answer as MSAL reads one: always a success, without headers."""

    text: str = field(repr=False)
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def raise_for_status(self) -> None:
        """Raise nothing: failures are errors of ours long before."""


def fields_of(response: Any, read: Reader, *, discovering: bool = False) -> dict[str, Any]:
    """Return what `read` makes of a response's JSON; raise an error of ours for any other answer.

    The charset that the response names is not obeyed: JSON is UTF-8 (RFC 8259 §8.1), and some of
    Python's codecs take minutes for a megabyte.
    """
    status = response.status_code
    retry_after = seconds_of(response.headers.get("Retry-After"))
    found = _object(response.content)
    if found is not None and found.get("error") is not None and not discovering:
        raise refusal(found, status=status, retry_after=retry_after)
    if found is None or status != 200:
        raise broken(status=status, retry_after=retry_after, discovering=discovering)
    return read(found)


def _object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a body, None if it is anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def token_fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a token answer (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).

    Raises ``UnavailableError`` if one of them is not of its kind. What the answer lacks is lacking:
    MSAL then keeps what it has.
    """
    token = _text(found, "access_token")
    if token is None:
        raise UnavailableError("no usable answer")
    kept: dict[str, Any] = {"access_token": token, "token_type": "Bearer"}
    kept["expires_in"] = _seconds(found, "expires_in", usual=_USUAL_LIFE, longest=_LONGEST_LIFE)
    for name in ("refresh_token", "id_token", "client_info", "scope"):
        # Some servers say that they give none by an empty text.
        if name in {"refresh_token", "scope"} and found.get(name) == "":
            continue
        text = _text(found, name)
        if text is not None:
            kept[name] = text
    return kept


def device_fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a device authorization answer (RFC 8628 §3.2), in whole seconds.

    Raises ``UnavailableError`` if one of them is not of its kind.
    """
    kept = {name: _text(found, name) for name in ("device_code", "user_code", "verification_uri")}
    if None in kept.values() or not is_page(str(kept["verification_uri"])):
        raise UnavailableError("the answer has no device code")
    return kept | {
        "expires_in": _seconds(
            found, "expires_in", usual=_DEVICE_LIFE, longest=_LONGEST_DEVICE_LIFE, endless=True
        ),
        "interval": _interval(found),
    }


def _text(found: Mapping[str, Any], name: str) -> str | None:
    """Return a field's printable text, None if the answer lacks it."""
    value = found.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST_TOKEN or not _PRINTABLE.fullmatch(value):
        raise UnavailableError("no usable answer")
    return value


def _seconds(
    found: Mapping[str, Any], name: str, *, usual: int, longest: int, endless: bool = False
) -> int:
    """Return a lifetime in whole seconds, whatever kind of JSON number or text it is."""
    value = found.get(name)
    number = float(usual) if value is None else _number(value)
    if number is None or number < 1 or (math.isinf(number) and not endless):
        raise UnavailableError("no usable answer")
    return int(min(number, longest))


def _interval(found: Mapping[str, Any]) -> int:
    """Return the seconds between two questions; what is no number is as good as none."""
    number = _number(found.get("interval"))
    seconds = _USUAL_INTERVAL if number is None else number
    return int(min(max(seconds, _SHORTEST_INTERVAL), _LONGEST_INTERVAL))


def _number(value: object) -> float | None:
    """Return a JSON number, or a text that holds one, as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except OverflowError:
        return math.inf
    except ValueError:
        return None
    return None if math.isnan(number) else number
