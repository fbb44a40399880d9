"""One renewal under the lease: asked of Microsoft, stored, and the lease given back in any case."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import stamina

from ...schemas.permission import SYSTEM
from ..entra.refusals import GrantRefusedError, claims_of
from ..errors import RegistrationError, SignInNeededError, StoreError, UnavailableError
from ..findings.entra_codes import entra_code
from ..store import grants
from ..store.engines import writing
from ..wire.deadline import Deadline
from .refusing import alarm_code, ends_grant, passing_error
from .waiting import reason_of, wait_after

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..context import Context
    from ..entra.identity import Identity
    from ..entra.tokens import Tokens
    from ..store.grants import GrantRow, TokenRow

log = logging.getLogger(__name__)

#: Seconds to wait after a fault of our own, so that it is not met in a circle.
_FAULT_WAIT = 5.0


@dataclass(frozen=True)
class Renewals:
    """Renews the grants of one host."""

    context: Context
    identity: Callable[[], Identity]

    @property
    def lease_seconds(self) -> float:
        """How long one worker may take."""
        # The HTTP deadline must end well within half the lease.
        return 2 * self.context.settings.http_timeout + 5

    def renew(self, row: TokenRow) -> bool:
        """Renew the grant that `row` shows; return whether it has new tokens by this call.

        False means that another worker has or had the lease. Raises ``SignInNeededError``,
        ``RegistrationError``, ``UnavailableError``, ``StoreError``.
        """
        if row.leased(self.lease_seconds):
            return False
        owner = secrets.token_hex(16)
        leased = self._take_lease(row, owner)
        if leased is None:
            return False
        try:
            return self._renew(*leased, owner)
        except BaseException as err:
            self._give_back(row, owner, err)
            if code := alarm_code(err):
                self.context.alarm_registration(code)
            raise

    def _take_lease(self, row: TokenRow, owner: str) -> tuple[GrantRow, str] | None:
        """Return the grant and MSAL's cache as they are under the lease; None if it is taken."""
        # A power cut that forgets the lease has ended its holder too, SQLite being of one machine.
        with writing(self.context.engine, lasting=False) as connection:
            leased = grants.take_lease(connection, row, owner, self.lease_seconds)
            # Opened here: a value that does not open takes the lease back with it.
            return (leased, leased.open_cache(self.context.ring)) if leased else None

    def _renew(self, row: GrantRow, cache: str, owner: str) -> bool:
        try:
            tokens = self._asked(row, cache)
        except GrantRefusedError as err:
            if not ends_grant(err):
                raise passing_error(err) from err
            return self._refuse(row, owner, err)
        return self._keep(row, tokens)

    def _asked(self, row: GrantRow, cache: str) -> Tokens:
        with Deadline.after(self.context.settings.http_timeout).applied():
            if row.kind is grants.GrantKind.APP:
                return self.identity().app_tokens()
            return self.identity().renew(cache)

    def _refuse(self, row: GrantRow, owner: str, err: GrantRefusedError) -> bool:
        """Mark the grant and raise ``SignInNeededError``; False if what is there now decides."""
        code = entra_code(err.error, err.aadsts, renewing=True)
        with self.context.change(SYSTEM) as change:
            marked = grants.refuse_grant(
                change.connection,
                self.context.ring,
                row,
                owner,
                code=code,
                claims=claims_of(err.claims),
            )
            if marked and not row.refused:
                change.happened("authn_token_revoked", row.account_id, code=code, **err.references)
        if not marked:
            return False  # the lease ran out meanwhile
        log.warning("grant of %s refused: %s", row.account_id, code)
        raise SignInNeededError(
            row.account_id, code, server_words=err.description, references=err.references
        ) from err

    def _keep(self, row: GrantRow, tokens: Tokens) -> bool:
        # The old refresh token is still in the row: a crash before this commit loses nothing.
        for attempt in stamina.retry_context(on=StoreError, attempts=4, timeout=5.0):
            with attempt, writing(self.context.engine) as connection:
                kept = grants.write_tokens(connection, self.context.ring, row, tokens)
        if kept:
            log.info("grant renewed for %s", row.account_id)
        return kept

    def _give_back(self, row: TokenRow, owner: str, err: BaseException) -> None:
        """Free the lease after whatever was raised, and note what there is to wait for."""
        wait, reason = 0.0, None
        match err:
            case SignInNeededError():
                return  # freed with the mark
            case RegistrationError() | UnavailableError():
                wait, reason = wait_after(err, row), reason_of(err)
            case StoreError():
                pass  # Microsoft is not at fault
            case Exception():
                wait = _FAULT_WAIT
        try:
            with writing(self.context.engine) as connection:
                grants.release_lease(connection, row, owner, wait=wait, reason=reason)
        except StoreError as unstored:
            # It ends by itself; what was raised first says more.
            log.warning("the lease of %s was not given back: %s", row.account_id, unstored)
