"""Grants: one valid token for whoever asks, one refresh at a time over all processes.

The protocol: read; if the token is fresh, use it. Else take the lease with one conditional UPDATE,
read again, ask Microsoft with no transaction open, and write with compare-and-set. What Microsoft
refuses for good marks the grant; a passing fault only sets a time before which nobody asks again.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import stamina

from ..schemas.permission import SYSTEM
from .answers import GrantRefusedError
from .deadline import Deadline
from .diagnosis.classify import entra_code
from .errors import RegistrationError, SignInNeededError, StoreError, UnavailableError
from .identity import claims_of
from .store import grants
from .store.engines import reading, writing

if TYPE_CHECKING:
    from collections.abc import Callable

    from .context import Context
    from .identity import Identity
    from .store.grants import GrantRow, Tokens

log = logging.getLogger(__name__)

#: A token is renewed this many seconds before it runs out.
MARGIN = 300.0
#: After a refusal of the registration nobody asks again for a minute.
_REGISTRATION_WAIT = 60.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token for IMAP and SMTP; `expires_at` is seconds since 1970."""

    secret: str = field(repr=False)
    expires_at: float
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class Vault:
    """The grants of one host."""

    context: Context
    identity: Callable[[], Identity]

    def token(self, account_id: str, *, rejected: str | None = None) -> AccessToken:
        """Return a valid token; `rejected` is one that a mail server has just refused.

        A fresh token costs one SELECT and one AES-GCM opening: no MSAL, no HTTP.

        Raises ``SignInNeededError``, ``RegistrationError``, ``UnavailableError``, ``StoreError``.
        """
        patience = Deadline.after(self._lease_seconds + self.context.settings.http_timeout)
        version = None
        while True:
            row = self._read(account_id)
            if row.refused:
                raise SignInNeededError(account_id, row.refused)
            usable = self._usable(row, rejected)
            # A token that has come since, to whomever, is used however short its life is.
            renewed = version not in {None, row.token_version}
            version = row.token_version
            if usable and (renewed or row.expires_at - row.read_at > MARGIN):
                return self._opened(row)
            if row.not_before > row.read_at:
                return self._old_or_wait(row, usable=usable)
            if renewed:
                raise UnavailableError("the renewed token had already run out")
            if self._renew_alone(row, usable=usable):
                continue
            if usable:
                return self._opened(row)  # it still serves, whoever renews it
            self._wait_for_another(patience)

    @property
    def _lease_seconds(self) -> float:
        # The HTTP deadline must end well within half the lease.
        return 2 * self.context.settings.http_timeout + 5

    def _read(self, account_id: str) -> GrantRow:
        with reading(self.context.engine) as connection:
            row = grants.read_grant(connection, account_id)
        if row is None:
            raise SignInNeededError(account_id, "not_signed_in")
        return row

    def _usable(self, row: GrantRow, rejected: str | None) -> bool:
        if row.expires_at <= row.read_at:
            return False
        return rejected is None or row.open_token(self.context.ring) != rejected

    def _opened(self, row: GrantRow) -> AccessToken:
        return AccessToken(
            secret=row.open_token(self.context.ring),
            expires_at=row.expires_at,
            scopes=tuple(row.scopes.split()),
        )

    def _old_or_wait(self, row: GrantRow, *, usable: bool) -> AccessToken:
        if usable:
            return self._opened(row)
        raise UnavailableError("waiting after a fault", retry_after=row.not_before - row.read_at)

    @staticmethod
    def _wait_for_another(patience: Deadline) -> None:
        try:
            patience.remaining()
        except TimeoutError as err:
            raise UnavailableError("another worker is renewing the token") from err
        time.sleep(_POLL_SECONDS * (1 + secrets.randbelow(100) / 100))

    def _renew_alone(self, row: GrantRow, *, usable: bool) -> bool:
        """Renew under the lease; tell whether the row has a new token by it.

        False means that another worker has or had the lease. A passing fault is hidden while the
        old token is still `usable`.
        """
        owner, identity = secrets.token_hex(16), self.identity()
        cache = None if row.leased else self._take_lease(row, owner, usable=usable)
        if cache is None:
            return False
        try:
            with Deadline.after(self.context.settings.http_timeout).applied():
                tokens = identity.renew(cache)
        except GrantRefusedError as err:
            self._refuse(row, owner, err)
            return False
        except (RegistrationError, UnavailableError) as err:
            wait = getattr(err, "retry_after", _REGISTRATION_WAIT)
            self._release(row, owner, wait)
            if isinstance(err, RegistrationError):
                self.context.alarm_registration(err.code)
            if not usable:
                raise
            return False
        return self._keep(row, owner, tokens)

    def _take_lease(self, row: GrantRow, owner: str, *, usable: bool) -> str | None:
        """Return MSAL's cache as it is under the lease, None if the lease is not to be had."""
        try:
            with writing(self.context.engine) as connection:
                leased = grants.take_lease(connection, row, owner, self._lease_seconds)
                # Opened here: a value that does not open takes the lease back with it.
                return leased.open_cache(self.context.ring) if leased else None
        except StoreError as err:
            if not usable:
                raise
            log.warning("grant of %s not renewed yet: %s", row.account_id, err)
            return None

    def _refuse(self, row: GrantRow, owner: str, err: GrantRefusedError) -> None:
        code = entra_code(err.error, err.aadsts)
        with writing(self.context.engine) as connection:
            marked = grants.refuse_grant(
                connection,
                self.context.ring,
                row,
                owner,
                code=code,
                claims=claims_of(err.claims),
            )
        if not marked:
            return  # the lease ran out meanwhile: what is there now decides
        log.warning("grant of %s refused: %s", row.account_id, code)
        self.context.emit(
            "authn_token_revoked", SYSTEM, row.account_id, code=code, **err.references
        )
        raise SignInNeededError(row.account_id, code) from err

    def _keep(self, row: GrantRow, owner: str, tokens: Tokens) -> bool:
        # The old refresh token is still in the row: a crash before this commit loses nothing.
        for attempt in stamina.retry_context(on=StoreError, attempts=4, timeout=5.0):
            with attempt, writing(self.context.engine) as connection:
                kept = grants.write_tokens(connection, self.context.ring, row, owner, tokens)
        if kept:
            log.info("grant renewed for %s", row.account_id)
        return kept

    def _release(self, row: GrantRow, owner: str, wait: float) -> None:
        with writing(self.context.engine) as connection:
            grants.release_lease(connection, row, owner, wait=wait)
