"""What people agreed to and what they hold for it: consents, codes, revoked and used tokens."""

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .state import StateDirectory

CODE_SECONDS = 600
#: stands for the whole tenant in the table of consents
EVERYBODY = "*"


class Consents:
    """Which scopes a user, or an administrator for everybody, has agreed to."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        kept: dict[str, list[str]] = state.get("consents", {})
        self._scopes = {user: set(scopes) for user, scopes in kept.items()}

    def grant(self, user: str, scopes: Iterable[str]) -> None:
        """Add to what this user (or EVERYBODY) has agreed to."""
        self._scopes.setdefault(user, set()).update(scopes)
        self._save()

    def withdraw(self, user: str | None = None) -> None:
        """Take back one user's consent, or all of it."""
        if user is None:
            self._scopes.clear()
        else:
            self._scopes.pop(user, None)
        self._save()

    def cover(self, user: str, scopes: Iterable[str]) -> bool:
        """Whether nothing is left to ask this user."""
        given = self._scopes.get(user, set()) | self._scopes.get(EVERYBODY, set())
        return set(scopes) <= given

    def _save(self) -> None:
        self._state.put("consents", {user: sorted(held) for user, held in self._scopes.items()})


class RefreshTokens:
    """Which refresh tokens no longer work: the revoked, and those used up."""

    def __init__(self, state: StateDirectory) -> None:
        self._state = state
        self._revoked: dict[str, float] = dict(state.get("revoked", {}))
        self._used: set[str] = set(state.get("used", []))

    def revoke(self, user: str) -> None:
        """Refuse from now on what this user (or EVERYBODY) was given so far."""
        self._revoked[user] = time.time()
        self._state.put("revoked", dict(self._revoked))

    def is_revoked(self, user: str, issued: float) -> bool:
        """Whether a token of this user and time was revoked."""
        return issued <= max(self._revoked.get(name, 0.0) for name in (user, EVERYBODY))

    def use(self, token_id: str) -> bool:
        """Count a token as used; False when it was so before."""
        if token_id in self._used:
            return False
        self._used.add(token_id)
        self._state.put("used", sorted(self._used))
        return True

    def reset(self) -> None:
        """Forget the users' revocations, and refuse everything issued so far."""
        self._revoked.clear()
        self._used.clear()
        self._state.put("used", [])
        self.revoke(EVERYBODY)


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
