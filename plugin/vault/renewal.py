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

from ...schemas.permission import SYSTEM
from ..entra.refusals import GrantRefusedError, claims_of
from ..errors import RegistrationError, SignInNeededError, StoreError, UnavailableError
from ..findings.entra_codes import entra_code
from ..store import grants
from ..store.engines import reading, writing
from ..wire.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context
    from ..entra.identity import Identity
    from ..entra.tokens import Tokens
    from ..store.grants import TokenRow

log = logging.getLogger(__name__)

#: A token is renewed this many seconds before it runs out.
MARGIN = 300.0
#: After a refusal of the registration nobody asks again for a minute.
_REGISTRATION_WAIT = 60.0
#: Seconds between two looks at the row while another worker renews: growing, and spread.
_FIRST_LOOK, _LONGEST_LOOK = 0.05, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token for IMAP and SMTP; `expires_at` is seconds since 1970."""

    secret: str = field(repr=False)
    expires_at: float
    scopes: tuple[str, ...]


class _Patience:
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
        # Spread, for a crowd that looks in step would also rush for the lease in step.
        time.sleep(self._look * (0.5 + secrets.randbelow(100) / 100))
        self._look = min(self._look * 1.5, _LONGEST_LOOK)


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
        # A killed worker's lease, and then its successor's, may both be waited for.
        patience = _Patience(2 * self._lease_seconds)
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
            if self._renewed(row, usable=usable):
                continue
            if usable:
                return self._opened(row)  # it still serves, whoever renews it
            patience.wait()

    @property
    def _lease_seconds(self) -> float:
        # The HTTP deadline must end well within half the lease.
        return 2 * self.context.settings.http_timeout + 5

    def _read(self, account_id: str) -> TokenRow:
        with reading(self.context.engine, once=True) as connection:
            row = grants.read_token(connection, account_id)
        if row is None:
            raise SignInNeededError(account_id, "not_signed_in")
        return row

    def _usable(self, row: TokenRow, rejected: str | None) -> bool:
        if row.expires_at <= row.read_at:
            return False
        return rejected is None or row.open_token(self.context.ring) != rejected

    def _opened(self, row: TokenRow) -> AccessToken:
        return AccessToken(
            secret=row.open_token(self.context.ring),
            expires_at=row.expires_at,
            scopes=tuple(row.scopes.split()),
        )

    def _old_or_wait(self, row: TokenRow, *, usable: bool) -> AccessToken:
        if usable:
            return self._opened(row)
        raise UnavailableError("waiting after a fault", retry_after=row.not_before - row.read_at)

    def _renewed(self, row: TokenRow, *, usable: bool) -> bool:
        """Renew; a passing fault, of the database too, is hidden while the old token serves."""
        try:
            return self._renew_alone(row)
        except (RegistrationError, UnavailableError, StoreError) as err:
            if not usable:
                raise
            log.warning("grant of %s not renewed yet: %s", row.account_id, err)
            return False

    def _renew_alone(self, row: TokenRow) -> bool:
        """Renew under the lease; tell whether the row has a new token by it.

        False means that another worker has or had the lease.
        """
        owner, identity = secrets.token_hex(16), self.identity()
        cache = None if row.leased else self._take_lease(row, owner)
        if cache is None:
            return False
        try:
            with Deadline.after(self.context.settings.http_timeout).applied():
                app = row.kind is grants.GrantKind.APP
                tokens = identity.app_tokens() if app else identity.renew(cache)
        except GrantRefusedError as err:
            self._refuse(row, owner, err)
            return False
        except (RegistrationError, UnavailableError) as err:
            wait = getattr(err, "retry_after", _REGISTRATION_WAIT)
            self._release(row, owner, wait)
            if isinstance(err, RegistrationError):
                self.context.alarm_registration(err.code)
            raise
        return self._keep(row, owner, tokens)

    def _take_lease(self, row: TokenRow, owner: str) -> str | None:
        """Return MSAL's cache as it is under the lease, None if the lease is not to be had."""
        # A power cut that forgets the lease has ended its holder too, SQLite being of one machine.
        with writing(self.context.engine, lasting=False) as connection:
            leased = grants.take_lease(connection, row, owner, self._lease_seconds)
            # Opened here: a value that does not open takes the lease back with it.
            return leased.open_cache(self.context.ring) if leased else None

    def _refuse(self, row: TokenRow, owner: str, err: GrantRefusedError) -> None:
        code = entra_code(err.error, err.aadsts, renewing=True)
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
        raise SignInNeededError(
            row.account_id, code, server_words=err.description, references=err.references
        ) from err

    def _keep(self, row: TokenRow, owner: str, tokens: Tokens) -> bool:
        # The old refresh token is still in the row: a crash before this commit loses nothing.
        for attempt in stamina.retry_context(on=StoreError, attempts=4, timeout=5.0):
            with attempt, writing(self.context.engine) as connection:
                kept = grants.write_tokens(connection, self.context.ring, row, owner, tokens)
        if kept:
            log.info("grant renewed for %s", row.account_id)
        return kept

    def _release(self, row: TokenRow, owner: str, wait: float) -> None:
        with writing(self.context.engine) as connection:
            grants.release_lease(connection, row, owner, wait=wait)
