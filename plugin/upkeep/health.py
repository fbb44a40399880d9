"""Health: what the ERP's administrator should know before the workers do, as findings.

Looks at the database and the settings only; Microsoft and the mail servers are asked by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schemas.permission import Permission
from ..border import use_case
from ..context import NOTICE_SECONDS, REGISTRATION_NOTICE
from ..errors import M365Error, RegistrationError, SealError, StoreError
from ..findings.catalogue import finding
from ..settings.expiry import credential_expiry
from ..store import events, upkeep
from ..store.engines import reading, stored_revision
from ..store.upgrade import CURRENT, current_revision
from ..vault import rotation
from .jobs import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schemas.report import Finding
    from ..context import Context

#: Two clocks may be so many seconds apart. Tokens are renewed 300 seconds before they run out.
CLOCK_SECONDS = 120.0
_NAMES_SHOWN = 10


@dataclass(frozen=True)
class Health:
    """The checks of one host."""

    context: Context

    @use_case
    def findings(self, worker: str) -> list[Finding]:
        """Return what is not as it should be; an empty list is good health."""
        self.context.require(worker, Permission.MAINTAIN)
        found = list(self._credential())
        try:
            for check in (
                self._schema,
                self._clock,
                self._keys,
                self._registration,
                self._accounts,
            ):
                found.extend(check())
        except SealError:
            found.append(finding("key_wrong"))
        except StoreError:
            found.append(self._unusable())
        return found

    def _credential(self) -> Iterator[Finding]:
        settings = self.context.settings
        try:
            expiry = credential_expiry(settings)
        except RegistrationError as err:
            yield finding(err.code, client_id=settings.client_id)
            return
        if expiry is None:
            return
        days = expiry.days_left(self.context.now().date())
        if days <= max(THRESHOLDS):
            yield finding(
                "credential_expired" if days < 0 else "credential_expiring",
                credential=expiry.credential,
                expires=expiry.on.isoformat(),
                client_id=settings.client_id,
            )

    def _schema(self) -> Iterator[Finding]:
        # Another server's newer version may have changed it since this process opened it.
        with reading(self.context.engine) as connection:
            stored = current_revision(connection)
        if stored is not None and stored > CURRENT:
            yield finding("database_newer")

    def _clock(self) -> Iterator[Finding]:
        with reading(self.context.engine) as connection:
            theirs = upkeep.database_time(connection)
        apart = abs(theirs - self.context.now().timestamp())
        if apart > CLOCK_SECONDS:
            yield finding("clocks_apart", seconds=f"{apart:.0f}")

    def _keys(self) -> Iterator[Finding]:
        uses = rotation.uses(self.context.engine, self.context.ring)
        missing = [use.key_id for use in uses if not use.in_ring and use.key_id]
        if missing:
            yield finding("key_missing", keys=", ".join(missing))
        if any(not use.key_id for use in uses):
            yield finding("value_damaged")

    def _registration(self) -> Iterator[Finding]:
        with reading(self.context.engine) as connection:
            refused = events.notice_given(connection, REGISTRATION_NOTICE, NOTICE_SECONDS)
        if refused:
            yield finding("registration_refused", client_id=self.context.settings.client_id)

    def _accounts(self) -> Iterator[Finding]:
        with reading(self.context.engine) as connection:
            names = upkeep.names_to_sign_in(connection)
        if names:
            more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
            yield finding("accounts_to_sign_in", accounts=", ".join(names[:_NAMES_SHOWN]) + more)

    def _unusable(self) -> Finding:
        try:
            stored = stored_revision(self.context.settings.database_url)
        except M365Error:
            stored = None
        newer = stored is not None and stored > CURRENT
        return finding("database_newer" if newer else "database_unusable")
