"""Codes that stand for a sign-in until a client redeems them: authorization and device codes."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CODE_SECONDS = 600


@dataclass(frozen=True)
class CodeGrant:
    """What an authorization code stands for: the request it answers, and who signed in."""

    user: str
    request: Mapping[str, str] = field(repr=False)
    issued: float


class CodeRefusedError(Exception):
    """The code cannot be redeemed; `aadsts` says why."""

    def __init__(self, aadsts: int) -> None:
        super().__init__(aadsts)
        self.aadsts = aadsts


class AuthorizationCodes:
    """Codes, each good for one redemption within ten minutes (RFC 6749, 4.1.2)."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._open: dict[str, CodeGrant] = {}
        self._redeemed: set[str] = set()

    def issue(self, user: str, request: Mapping[str, str]) -> str:
        """Return a new code for an authorization request."""
        code = f"1.{secrets.token_urlsafe(40)}"
        self._open[code] = CodeGrant(user, dict(request), self._clock())
        return code

    def redirect_uri(self, code: str) -> str:
        """Return where a code was sent, without redeeming it; empty for an unknown one."""
        grant = self._open.get(code)
        return grant.request["redirect_uri"] if grant else ""

    def redeem(self, code: str) -> CodeGrant:
        """Return what the code stands for, once. Raises CodeRefusedError."""
        if code in self._redeemed:
            raise CodeRefusedError(54005)
        grant = self._open.pop(code, None)
        if grant is None:
            raise CodeRefusedError(70000)
        self._redeemed.add(code)
        if self._clock() - grant.issued > CODE_SECONDS:
            raise CodeRefusedError(70008)
        return grant

    def reset(self) -> None:
        """Forget every code."""
        self._open.clear()
        self._redeemed.clear()


@dataclass
class DeviceGrant:
    """A device waiting for somebody to type its user code (RFC 8628)."""

    user_code: str = field(repr=False)
    scope: str
    expires: float
    user: str | None = None
    declined: bool = False


class DeviceCodes:
    """The devices that wait."""

    SECONDS = 900

    def __init__(self) -> None:
        self._waiting: dict[str, DeviceGrant] = {}

    def issue(self, scope: str) -> tuple[str, DeviceGrant]:
        """Return a device code and what it stands for."""
        code = secrets.token_urlsafe(30)
        typed = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ23456789") for _ in range(9))
        grant = DeviceGrant(typed, scope, time.time() + self.SECONDS)
        self._waiting[code] = grant
        return code, grant

    def by_user_code(self, typed: str) -> DeviceGrant | None:
        """Return the grant whose user code was typed."""
        wanted = typed.replace("-", "").replace(" ", "").upper()
        found = (grant for grant in self._waiting.values() if grant.user_code == wanted)
        return next((grant for grant in found if grant.expires > time.time()), None)

    def get(self, code: str) -> DeviceGrant | None:
        """Return the grant that a device polls for."""
        return self._waiting.get(code)

    def remove(self, code: str) -> None:
        """Forget a grant that was handed out."""
        self._waiting.pop(code, None)

    def reset(self) -> None:
        """Forget every device."""
        self._waiting.clear()
