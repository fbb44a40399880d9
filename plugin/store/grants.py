"""Rows of ``m365_grant``: reading, leasing, compare-and-set. The protocol is the vault's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, cast, delete, insert, null, or_, select, update

from .clock import database_now
from .sealing import Place
from .tables import account, grant

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from .sealing import KeyRing


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What Microsoft's token endpoint gave; `lifetime` is in seconds from now."""

    access_token: str = field(repr=False)
    lifetime: int
    scopes: tuple[str, ...]
    msal_cache: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """One grant as stored; the sealed columns are opened on demand by `open_*`."""

    account_id: str
    tenant_id: str
    object_id: str
    username: str
    granted_at: datetime
    access_token: bytes = field(repr=False)
    expires_at: int
    scopes: str
    msal_cache: bytes = field(repr=False)
    token_version: int
    lease_owner: str | None
    lease_until: float | None
    not_before: float
    refused: str | None
    claims: bytes | None = field(repr=False)
    #: The database's clock when the row was read.
    read_at: float

    @property
    def leased(self) -> bool:
        """Whether somebody held the lease when the row was read."""
        return self.lease_until is not None and self.lease_until >= self.read_at

    def open_token(self, ring: KeyRing) -> str:
        """Return the access token."""
        return ring.open(self.access_token, _place(self.account_id, "access_token")).decode()

    def open_cache(self, ring: KeyRing) -> str:
        """Return MSAL's serialized cache."""
        return ring.open(self.msal_cache, _place(self.account_id, "msal_cache")).decode()

    def open_claims(self, ring: KeyRing) -> str | None:
        """Return the claims that the next sign-in must ask for."""
        if self.claims is None:
            return None
        return ring.open(self.claims, _place(self.account_id, "claims")).decode()


def _place(account_id: str, column: str) -> Place:
    return Place("m365_grant", account_id, column)


def _sealed(ring: KeyRing, account_id: str, tokens: Tokens) -> dict[str, Any]:
    return {
        "access_token": ring.seal(tokens.access_token.encode(), _place(account_id, "access_token")),
        "msal_cache": ring.seal(tokens.msal_cache.encode(), _place(account_id, "msal_cache")),
        # By the database's clock, as it is read: workers' clocks may be minutes apart.
        "expires_at": cast(database_now() + tokens.lifetime, BigInteger),
        "scopes": " ".join(tokens.scopes),
    }


_BY_ID = select(grant, database_now().label("read_at"))


def read_grant(connection: Connection, account_id: str) -> GrantRow | None:
    """Return the grant with the database's time, None if there is none."""
    row = connection.execute(_BY_ID.where(grant.c.account_id == account_id)).mappings().first()
    return None if row is None else GrantRow(**row)


def put_grant(  # noqa: PLR0913 - one value per column
    connection: Connection,
    ring: KeyRing,
    account_id: str,
    tokens: Tokens,
    *,
    tenant_id: str,
    object_id: str,
    username: str,
    granted_at: datetime,
) -> None:
    """Store the grant of a sign-in in place of whatever was there.

    The version goes on counting, so that a refresh that was under way with the old grant fails
    its compare-and-set.
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
            token_version=(version or 0) + 1,
            not_before=0,
            **_sealed(ring, account_id, tokens),
        )
    )


def take_lease(
    connection: Connection, row: GrantRow, owner: str, seconds: float
) -> GrantRow | None:
    """Take the lease on exactly this version of the grant and read it again; None if it is taken.

    It is not to be had either once Microsoft has refused the grant or asked for patience: another
    worker may have learned so since `row` was read.
    """
    now = database_now()
    taken = connection.execute(
        update(grant)
        .where(
            grant.c.account_id == row.account_id,
            grant.c.token_version == row.token_version,
            grant.c.not_before <= now,
            grant.c.refused.is_(None),
            or_(grant.c.lease_owner.is_(None), grant.c.lease_until < now),
        )
        .values(lease_owner=owner, lease_until=now + seconds)
    )
    return read_grant(connection, row.account_id) if taken.rowcount == 1 else None


def _leased(row: GrantRow, owner: str) -> Any:
    return (
        update(grant)
        .where(
            grant.c.account_id == row.account_id,
            grant.c.token_version == row.token_version,
            grant.c.lease_owner == owner,
        )
        .values(lease_owner=null(), lease_until=null())
    )


def write_tokens(
    connection: Connection, ring: KeyRing, row: GrantRow, owner: str, tokens: Tokens
) -> bool:
    """Write renewed tokens if the lease still holds, and give it back; tell whether."""
    statement = _leased(row, owner).values(
        token_version=row.token_version + 1,
        not_before=0,
        **_sealed(ring, row.account_id, tokens),
    )
    return bool(connection.execute(statement).rowcount == 1)


def release_lease(connection: Connection, row: GrantRow, owner: str, *, wait: float) -> None:
    """Give the lease back without new tokens; nobody asks again within `wait` seconds."""
    not_before = database_now() + wait if wait else 0
    connection.execute(_leased(row, owner).values(not_before=not_before))


def refuse_grant(
    connection: Connection,
    ring: KeyRing,
    row: GrantRow,
    owner: str,
    *,
    code: str,
    claims: str | None,
) -> bool:
    """Note that Microsoft refused this version of the grant; the row is kept. Tell whether."""
    sealed = ring.seal(claims.encode(), _place(row.account_id, "claims")) if claims else None
    statement = _leased(row, owner).values(refused=code, claims=sealed)
    return bool(connection.execute(statement).rowcount == 1)


def delete_grant(connection: Connection, account_id: str) -> bool:
    """Delete the grant's ciphertext; tell whether there was one."""
    return connection.execute(delete(grant).where(grant.c.account_id == account_id)).rowcount == 1
