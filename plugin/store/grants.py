"""Rows of ``m365_grant``: reading, leasing, compare-and-set. The protocol is in `vault`."""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import (
    BigInteger,
    Float,
    Integer,
    String,
    bindparam,
    cast,
    delete,
    insert,
    null,
    or_,
    select,
    update,
)

from ...schemas.secret import Secret
from ..errors import SealError
from .clock import database_now
from .sealing import Place
from .tables import account, grant

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from .sealing import KeyRing

log = logging.getLogger(__name__)

#: No wait is longer (seconds): what ends later is from before a clock was set back.
LONGEST_WAIT = 3600.0


#: The mark of a grant that is kept, but is another user's than the account names now.
SET_ASIDE = "username_changed"


class GrantKind(StrEnum):
    """Whose sign-in a grant is: a person's, or the app's own (client credentials)."""

    PERSON = "person"
    APP = "app"


#: Shown as the signed-in user of the app's own grant; versions before 0004 know it by this name.
APP_USERNAME = "the app itself"
#: What versions before 0004 look for in the place of MSAL's cache. Not read here.
_APP_CACHE = '{"app_only": true}'


def kind_of(stored: str | None, username: str) -> GrantKind:
    """Return the kind of a stored grant; one that a version before 0004 stored names none."""
    if stored is None:
        return GrantKind.APP if username == APP_USERNAME else GrantKind.PERSON
    return GrantKind(stored)


class NewTokens(Protocol):
    """What a sign-in or a renewal gave, to be stored; `lifetime` is in seconds from now."""

    @property
    def access_token(self) -> str: ...  # noqa: D102 - see entra.tokens
    @property
    def lifetime(self) -> int: ...  # noqa: D102
    @property
    def scopes(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def msal_cache(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """What of a grant tells whether there is a valid token; `open_token` opens it on demand."""

    account_id: str
    username: str
    kind: GrantKind
    access_token: bytes = field(repr=False)
    expires_at: int
    scopes: str
    token_version: int
    lease_until: float | None
    not_before: float
    #: When `not_before` was set, and why, as plain JSON.
    wait_set_at: float | None
    wait_reason: dict[str, Any] | None
    refused: str | None
    #: When the access token came, and when a renewal was last tried.
    obtained_at: float | None
    tried_at: float | None
    #: The database's clock when the row was read.
    read_at: float

    def leased(self, seconds: float) -> bool:
        """Return whether somebody held the lease, of so many seconds, when the row was read.

        No lease ends later than that: one that seems to is from before a clock was set back.
        """
        until = self.lease_until
        return until is not None and self.read_at <= until <= self.read_at + seconds

    @property
    def wait_left(self) -> float:
        """The seconds for which Microsoft is not to be asked, when the row was read."""
        left = max(0.0, self.not_before - self.read_at)
        set_back = self.wait_set_at is not None and self.wait_set_at > self.read_at
        return 0.0 if set_back or left > LONGEST_WAIT else left

    @property
    def last_wait(self) -> float:
        """The seconds of the wait after the last fault; 0 where a renewal has succeeded since."""
        if self.wait_set_at is None:
            return 0.0
        return min(max(0.0, self.not_before - self.wait_set_at), LONGEST_WAIT)

    def since(self, moment: float | None) -> float | None:
        """Return the seconds since then; None where it is not known or lies ahead."""
        return None if moment is None or moment > self.read_at else self.read_at - moment

    def open_token(self, ring: KeyRing) -> str:
        """Return the access token."""
        opened = ring.open(self.access_token, _place(self.account_id, "access_token"))
        return Secret(opened, "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow(TokenRow):
    """One grant as stored, whole; the sealed columns are opened on demand by `open_*`."""

    tenant_id: str
    object_id: str
    granted_at: datetime
    msal_cache: bytes = field(repr=False)
    lease_owner: str | None
    claims: bytes | None = field(repr=False)

    def open_cache(self, ring: KeyRing) -> str:
        """Return MSAL's serialized cache."""
        return Secret(ring.open(self.msal_cache, _place(self.account_id, "msal_cache")), "utf-8")

    def open_claims(self, ring: KeyRing) -> str | None:
        """Return the claims that the next sign-in must ask for; unreadable ones are none.

        Microsoft asks for them again, and a lost key must not keep anybody from signing in.
        """
        if self.claims is None:
            return None
        try:
            return ring.open(self.claims, _place(self.account_id, "claims")).decode()
        except SealError as err:
            log.warning("claims of %s were left out: %s", self.account_id, err)
            return None


def _values(found: Any) -> dict[str, Any]:
    values: dict[str, Any] = found._asdict()
    return values | {"kind": kind_of(values["kind"], values["username"])}


def _place(account_id: str, column: str) -> Place:
    return Place("m365_grant", account_id, column)


def _sealed(ring: KeyRing, account_id: str, kind: GrantKind, tokens: NewTokens) -> dict[str, Any]:
    cache = _APP_CACHE if kind is GrantKind.APP else tokens.msal_cache
    return {
        "sealed_token": ring.seal(tokens.access_token.encode(), _place(account_id, "access_token")),
        "sealed_cache": ring.seal(cache.encode(), _place(account_id, "msal_cache")),
        "granted": " ".join(tokens.scopes),
        "lifetime": tokens.lifetime,
    }


#: A version is an integer of 32 bits, with room for an hourly renewal over 100,000 years.
_FIRST_VERSIONS = 2**30

# By the database's clock, as it is read: workers' clocks may be minutes apart.
_EXPIRES = cast(database_now() + bindparam("lifetime", type_=Integer), BigInteger)


def _by_id(*columns: Any) -> Select[Any]:
    now = database_now().label("read_at")
    return select(*columns, now).where(grant.c.account_id == bindparam("account"))


# Built once: finding a compiled statement costs SQLAlchemy a walk over every part of a new one.
_GRANT = _by_id(grant)
# Without MSAL's cache: it is most of the row, and lies on pages of its own.
_TOKEN = _by_id(
    *(column for column in grant.c if column.name in {item.name for item in fields(TokenRow)})
)

_THIS_VERSION = update(grant).where(
    grant.c.account_id == bindparam("of_account"), grant.c.token_version == bindparam("of_version")
)
_SECONDS = bindparam("seconds", type_=Float)
_TAKE_LEASE = (
    _THIS_VERSION.where(
        grant.c.not_before == bindparam("of_not_before"),
        grant.c.refused.is_not_distinct_from(bindparam("of_refused", type_=String)),
        grant.c.tried_at.is_not_distinct_from(bindparam("of_tried_at", type_=Float)),
        or_(
            grant.c.lease_owner.is_(None),
            grant.c.lease_until < database_now(),
            grant.c.lease_until > database_now() + _SECONDS,
        ),
    )
    .values(
        lease_owner=bindparam("owner"),
        lease_until=database_now() + _SECONDS,
        tried_at=database_now(),
    )
    .returning(*grant.c, database_now().label("read_at"))
)
_FREE = {"lease_owner": null(), "lease_until": null()}
_LEASED = _THIS_VERSION.where(grant.c.lease_owner == bindparam("of_owner")).values(_FREE)
_RENEW = _THIS_VERSION.values(
    **_FREE,
    token_version=grant.c.token_version + 1,
    not_before=0,
    wait_set_at=null(),
    wait_reason=null(),
    refused=null(),
    claims=null(),
    obtained_at=database_now(),
    expires_at=_EXPIRES,
    access_token=bindparam("sealed_token"),
    msal_cache=bindparam("sealed_cache"),
    scopes=bindparam("granted"),
)


def read_token(connection: Connection, account_id: str) -> TokenRow | None:
    """Return what is to be known of the token, with the database's time; None without a grant."""
    row = connection.execute(_TOKEN, {"account": account_id}).first()
    return None if row is None else TokenRow(**_values(row))


def read_grant(connection: Connection, account_id: str) -> GrantRow | None:
    """Return the grant with the database's time, None if there is none."""
    row = connection.execute(_GRANT, {"account": account_id}).first()
    return None if row is None else GrantRow(**_values(row))


def put_grant(  # noqa: PLR0913 - one value per column
    connection: Connection,
    ring: KeyRing,
    account_id: str,
    tokens: NewTokens,
    *,
    tenant_id: str,
    object_id: str,
    username: str,
    granted_at: datetime,
    kind: GrantKind = GrantKind.PERSON,
) -> None:
    """Store the grant of a sign-in in place of whatever was there.

    The version goes on counting, and begins anywhere, so that a renewal that was under way with
    the old grant fails its compare-and-set, also where that was deleted in between.
    """
    # Two sign-ins at once come one after the other, and a refresh's write before or after both.
    connection.execute(select(account.c.id).where(account.c.id == account_id).with_for_update())
    version = connection.scalar(
        select(grant.c.token_version).where(grant.c.account_id == account_id).with_for_update()
    )
    connection.execute(delete(grant).where(grant.c.account_id == account_id))
    connection.execute(
        insert(grant).values(
            account_id=account_id,
            tenant_id=tenant_id,
            object_id=object_id,
            username=username,
            granted_at=granted_at,
            kind=kind.value,
            obtained_at=database_now(),
            token_version=(version or secrets.randbelow(_FIRST_VERSIONS)) + 1,
            not_before=0,
            expires_at=_EXPIRES,
            access_token=bindparam("sealed_token"),
            msal_cache=bindparam("sealed_cache"),
            scopes=bindparam("granted"),
        ),
        _sealed(ring, account_id, kind, tokens),
    )


def take_lease(
    connection: Connection, row: TokenRow, owner: str, seconds: float
) -> GrantRow | None:
    """Take the lease on the grant as `row` shows it, and return it; None if it is taken.

    Nor is it to be had where another worker has tried since `row` was read: what that one learned
    comes first.
    """
    seen = {
        "of_account": row.account_id,
        "of_version": row.token_version,
        "of_not_before": row.not_before,
        "of_refused": row.refused,
        "of_tried_at": row.tried_at,
    }
    taken = connection.execute(_TAKE_LEASE, seen | {"owner": owner, "seconds": seconds}).first()
    return None if taken is None else GrantRow(**_values(taken))


def _of(row: TokenRow, owner: str) -> dict[str, Any]:
    """Return the parameters of `_LEASED`."""
    return {"of_account": row.account_id, "of_version": row.token_version, "of_owner": owner}


def write_tokens(connection: Connection, ring: KeyRing, row: TokenRow, tokens: NewTokens) -> bool:
    """Write renewed tokens unless others have come since; return whether they were written.

    An answer that comes after its lease has run out counts too, and clears a mark that another
    worker has set meanwhile: Microsoft has given these tokens for this very version.
    """
    values = {"of_account": row.account_id, "of_version": row.token_version}
    values |= _sealed(ring, row.account_id, row.kind, tokens)
    return bool(connection.execute(_RENEW, values).rowcount == 1)


def release_lease(
    connection: Connection,
    row: TokenRow,
    owner: str,
    *,
    wait: float,
    reason: dict[str, Any] | None = None,
) -> None:
    """Give the lease back without new tokens; no request is made within `wait` seconds.

    `reason` is plain JSON without secrets. Without a `wait` all stays as it was.
    """
    values: dict[str, Any] = {}
    if wait:
        values = {
            "not_before": database_now() + wait,
            "wait_set_at": database_now(),
            "wait_reason": reason,
        }
    connection.execute(_LEASED.values(**values), _of(row, owner))


def refuse_grant(
    connection: Connection,
    ring: KeyRing,
    row: TokenRow,
    owner: str,
    *,
    code: str,
    claims: str | None,
) -> bool:
    """Mark this version of the grant as refused by Microsoft; return whether it was still there.

    The row is kept.
    """
    sealed = ring.seal(claims.encode(), _place(row.account_id, "claims")) if claims else None
    statement = _LEASED.values(refused=code, claims=sealed)
    return bool(connection.execute(statement, _of(row, owner)).rowcount == 1)


def forgive_grants(connection: Connection, code: str) -> list[str]:
    """Let the grants that were refused with `code` be tried again; return their accounts."""
    refused = select(grant.c.account_id).where(grant.c.refused == code)
    accounts = list(connection.scalars(refused))
    if accounts:
        again = update(grant).where(grant.c.account_id.in_(accounts), grant.c.refused == code)
        connection.execute(
            again.values(
                refused=null(), claims=null(), not_before=0, wait_set_at=null(), tried_at=null()
            )
        )
    return accounts


def set_aside(connection: Connection, account_id: str) -> bool:
    """Keep the grant, but let it serve no more, because the account names another user now.

    Return whether there was one.
    """
    aside = update(grant).where(grant.c.account_id == account_id)
    return connection.execute(aside.values(refused=SET_ASIDE, claims=null())).rowcount == 1


def take_back(connection: Connection, account_id: str) -> None:
    """Let a grant that was set aside serve again: the account names its user as before."""
    aside = update(grant).where(grant.c.account_id == account_id, grant.c.refused == SET_ASIDE)
    connection.execute(aside.values(refused=null(), tried_at=null()))


def delete_grant(connection: Connection, account_id: str) -> bool:
    """Delete the grant's ciphertext; return whether there was one."""
    return connection.execute(delete(grant).where(grant.c.account_id == account_id)).rowcount == 1
