"""What people of the tenant agreed to, and which of their refresh tokens no longer work."""

import time
from collections.abc import Iterable

from ..state import StateDirectory

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
        """Return whether this user, or an administrator, has agreed to all of these scopes."""
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
        """Return whether a token of this user and time was revoked."""
        return issued <= max(self._revoked.get(name, 0.0) for name in (user, EVERYBODY))

    def use(self, token_id: str) -> bool:
        """Count a token as used; return False if it was used before."""
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
