"""Sign-in on another device (RFC 8628): a page and a code for the person, and patience.

`sign_in` compares who signed in and keeps the grant.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..entra.refusals import GrantRefusedError
from ..errors import UnavailableError
from ..wire.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ..entra.identity import Identity, SignedIn

#: Seconds more between two questions after a fault or "slow down" (RFC 8628 §3.5).
_SLOWER = 5
#: How the token endpoint says that a code is no longer valid: RFC 8628 §3.5, and Microsoft's own.
_RUN_OUT = frozenset({"expired_token", "bad_verification_code"})
#: A device code's life is believed up to half an hour; Microsoft's is fifteen minutes.
_LONGEST_LIFE = 1800


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """What the person needs: a page, and the code to type there within so many seconds."""

    page: str
    code: str = field(repr=False)
    seconds: int


def signed_in_by_device(
    identity: Identity,
    claims: str | None,
    show: Callable[[DeviceCode], None],
    deadline: Callable[[], AbstractContextManager[object]],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> SignedIn | None:
    """Return what the sign-in gave, None if the code ran out before.

    `deadline` gives the time that one exchange may take. Raises what `Identity.poll_device` does,
    but waits out a passing fault.
    """
    with deadline():
        flow = identity.begin_device(claims=claims)
    seconds, interval = min(flow["expires_in"], _LONGEST_LIFE), flow["interval"]
    life = Deadline.lasting(seconds)
    show(DeviceCode(page=flow["verification_uri"], code=flow["user_code"], seconds=seconds))
    while life.left > 0:
        sleep(min(interval, life.left))
        try:
            with deadline():
                signed_in = identity.poll_device(flow)
        except UnavailableError:
            interval += _SLOWER
            continue
        except GrantRefusedError as err:
            if err.error in _RUN_OUT:
                return None
            raise
        if signed_in is not None:
            return signed_in
    return None
