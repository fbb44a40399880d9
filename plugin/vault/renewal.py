"""Grants: one valid token for each caller, one renewal at a time over all processes.

The protocol: read; if the token is fresh, use it. Else take the lease with one conditional UPDATE,
ask Microsoft with no transaction open, and write with compare-and-set (`leasing`). Few refusals
mark a grant (`refusing`); every other fault only sets a time before which no request is made
(`waiting`). This module decides who gets which token.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import RegistrationError, SignInNeededError, StoreError, UnavailableError
from ..store import grants
from ..store.engines import reading
from .leasing import Renewals
from .presses import PRESSED
from .waiting import Patience, is_throttled, told_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context
    from ..entra.identity import Identity
    from ..errors import M365Error
    from ..store.grants import TokenRow

log = logging.getLogger(__name__)

#: A token is renewed this many seconds before it runs out.
MARGIN = 300.0
#: A token that a mail server refuses so many seconds after it came is not at fault: a newer one
#: would be refused alike.
_YOUNG = 60.0
#: A refused grant is tried again so often: one POST shows what an administrator has changed.
MARK_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token for IMAP and SMTP; `expires_at` is seconds since 1970."""

    secret: str = field(repr=False)
    expires_at: float
    scopes: tuple[str, ...]
    #: Whose sign-in it is from.
    kind: grants.GrantKind = grants.GrantKind.PERSON
    #: Why this token, still valid, could not be renewed though it was time to.
    not_renewed: M365Error | None = field(default=None, compare=False)
    #: Whether Microsoft gave it for this very request.
    given_now: bool = False


@dataclass(frozen=True)
class Vault:
    """The grants of one host."""

    context: Context
    identity: Callable[[], Identity]

    def token(
        self, account_id: str, *, rejected: str | None = None, pressed: bool = False
    ) -> AccessToken:
        """Return a valid token; `rejected` is one that a mail server has just refused.

        A fresh token costs one SELECT and one AES-GCM opening: no MSAL, no HTTP. A `rejected` token
        younger than a minute is returned as it is: the mail server's refusal is what counts.

        `pressed` means that a person wants to see how things stand. Microsoft is asked, ten times a
        minute at most, also where the token is fresh, the grant marked as refused, or a fault
        waited after. A lasting refusal is raised then, even if the old token would still serve.

        Raises ``SignInNeededError``, ``RegistrationError``, ``UnavailableError``, ``StoreError``.
        """
        request = _Request(self.context, self._renewals, account_id, rejected, pressed=pressed)
        return request.token()

    @cached_property
    def _renewals(self) -> Renewals:
        return Renewals(self.context, self.identity)


class _Request:
    """One caller's request for a token."""

    def __init__(
        self,
        context: Context,
        renewals: Renewals,
        account_id: str,
        rejected: str | None,
        *,
        pressed: bool,
    ) -> None:
        self._context = context
        self._renewals = renewals
        self._account_id = account_id
        self._rejected = rejected
        self._pressed = pressed
        #: Whether Microsoft is to be asked, whatever the row says.
        self._asks = pressed and PRESSED.allow(context.host.name, account_id)
        self._given_now = False

    def token(self) -> AccessToken:
        """Read, and renew or wait for another worker's renewal, until there is a token."""
        # A killed worker's lease, and then its successor's, may both be waited for.
        patience = Patience(2 * self._renewals.lease_seconds)
        version = None
        while True:
            row = self._read()
            usable = self._usable(row)
            if version not in {None, row.token_version}:
                # What has come since, for any caller, is used however short its life is.
                if usable:
                    return self._opened(row)
                raise UnavailableError("the renewed token had already run out")
            version = row.token_version
            if usable and self._suffices(row):
                return self._opened(row)
            try:
                self._renew(row, patience, usable=usable)
            except (SignInNeededError, RegistrationError, UnavailableError, StoreError) as err:
                return self._despite(err, row, usable=usable)
            if usable and not self._pressed:
                return self._opened(self._read())  # renewed, or serving while others renew it

    def _read(self) -> TokenRow:
        with reading(self._context.engine, once=True) as connection:
            row = grants.read_token(connection, self._account_id)
        if row is None:
            raise SignInNeededError(self._account_id, "not_signed_in")
        if row.refused == grants.SET_ASIDE:
            # Microsoft still takes it, but the account names another user now: nothing asks.
            raise SignInNeededError(self._account_id, row.refused)
        return row

    def _usable(self, row: TokenRow) -> bool:
        if row.expires_at <= row.read_at:
            return False
        if self._rejected is None or row.open_token(self._context.ring) != self._rejected:
            return True
        age = row.since(row.obtained_at)
        return age is not None and age < _YOUNG and not self._asks

    def _suffices(self, row: TokenRow) -> bool:
        """Return whether a usable token is given without asking Microsoft."""
        if self._pressed:
            return not self._asks and self._standing(row) is None
        # A mark says nothing about a token that Microsoft gave before it.
        return bool(row.refused) or row.expires_at - row.read_at > MARGIN

    def _standing(self, row: TokenRow) -> M365Error | None:
        """Return what is known to stand in the way, without asking again."""
        tried = row.since(row.tried_at)
        due = self._asks or tried is None or tried >= MARK_SECONDS
        if row.refused and not due:
            return SignInNeededError(row.account_id, row.refused)
        if row.wait_left and (is_throttled(row) or not self._asks):
            return told_again(row, row.wait_left)
        return None

    def _renew(self, row: TokenRow, patience: Patience, *, usable: bool) -> None:
        standing = self._standing(row)
        if standing:
            raise standing
        self._given_now = self._renewals.renew(row)
        if not self._given_now and (self._pressed or not usable):
            patience.wait()

    def _despite(self, err: M365Error, row: TokenRow, *, usable: bool) -> AccessToken:
        """Return the old token while it serves; a person is told of what will not pass."""
        lasting = isinstance(err, SignInNeededError | RegistrationError)
        if not usable or (self._pressed and lasting):
            raise err
        log.warning("grant of %s not renewed: %s", row.account_id, err)
        return self._opened(row, not_renewed=err)

    def _opened(self, row: TokenRow, not_renewed: M365Error | None = None) -> AccessToken:
        return AccessToken(
            secret=row.open_token(self._context.ring),
            expires_at=row.expires_at,
            scopes=tuple(row.scopes.split()),
            kind=row.kind,
            not_renewed=not_renewed,
            given_now=self._given_now,
        )
