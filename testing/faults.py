"""What can go wrong at Microsoft, by name: each fault is a switch of the simulator."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..plugin.store.engines import engine_for, writing
from ..plugin.store.tables import grant
from ..simulator.identity.faults import TokenFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..hooks import Host
    from ..simulator.simulator import Simulator


class Fault(StrEnum):
    """The faults' names."""

    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    GRANT_REVOKED = "grant_revoked"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    SECRET_EXPIRED = "secret_expired"  # noqa: S105 - a name
    CONSENT_BY_ADMIN = "consent_by_admin"
    SMTP_AUTH_OFF = "smtp_auth_off"
    SECURITY_DEFAULTS = "security_defaults"
    IMAP_OFF = "imap_off"
    NO_MAILBOX = "no_mailbox"
    SEND_AS_DENIED = "send_as_denied"


@dataclass(frozen=True)
class _Way:
    """How a fault is brought about, and whether it shows only when a token is renewed."""

    turn: Callable[[Simulator], None]
    at_renewal: bool = False


def _policy(**values: object) -> Callable[[Simulator], None]:
    return lambda simulator: simulator.tenant.policies.change(dict(values))


def _everybody(policy: str) -> Callable[[Simulator], None]:
    return lambda simulator: simulator.tenant.policies.change(
        {policy: list(simulator.tenant.people)}
    )


def _unavailable(simulator: Simulator) -> None:
    simulator.faults.add(TokenFault(status=503, times=1_000_000))


def _revoke(simulator: Simulator) -> None:
    for address in simulator.tenant.people:
        simulator.tenant.revoke_grants(address)


def _withdraw(simulator: Simulator) -> None:
    simulator.tenant.withdraw_consent()


def _deny_send_as(simulator: Simulator) -> None:
    # At MAIL FROM, where Test Connection can see it; Exchange looks after DATA.
    simulator.tenant.policies.send_as_checked_at = "mail_from"
    simulator.tenant.send_as.clear()


_WAYS: dict[Fault, _Way] = {
    Fault.THROTTLED: _Way(_policy(throttled=30), at_renewal=True),
    Fault.UNAVAILABLE: _Way(_unavailable, at_renewal=True),
    Fault.GRANT_REVOKED: _Way(_revoke, at_renewal=True),
    Fault.CONSENT_WITHDRAWN: _Way(_withdraw, at_renewal=True),
    Fault.SECRET_EXPIRED: _Way(_policy(secret_expired=True), at_renewal=True),
    Fault.CONSENT_BY_ADMIN: _Way(_policy(admin_consent_required=True)),
    Fault.SMTP_AUTH_OFF: _Way(_policy(smtp_auth_disabled=True)),
    Fault.SECURITY_DEFAULTS: _Way(_policy(security_defaults=True)),
    Fault.IMAP_OFF: _Way(_everybody("imap_disabled_for")),
    Fault.NO_MAILBOX: _Way(_everybody("authenticated_but_not_connected_for")),
    Fault.SEND_AS_DENIED: _Way(_deny_send_as),
}


def bring_about(fault: str, simulator: Simulator, host: Host) -> None:
    """Let `fault` begin, at once for every account of `host`; the simulator's reset ends it.

    Raises ``ValueError`` that names the faults there are.
    """
    try:
        way = _WAYS[Fault(fault)]
    except ValueError as err:
        msg = f"There is no fault “{fault}”. There are: {', '.join(Fault)}."
        raise ValueError(msg) from err
    way.turn(simulator)
    if way.at_renewal:
        expire_tokens(host)


def expire_tokens(host: Host) -> None:
    """Let the stored access tokens of every account have run out: the next use renews them."""
    # What the vault compares is the database's clock, which no test can turn.
    engine = engine_for(host.name, host.settings.database_url)
    with writing(engine) as connection:
        connection.execute(grant.update().values(expires_at=1))
