"""Rows of ``m365_account`` and ``m365_folder``. The use cases decide who may change them."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import Integer, bindparam, delete, func, insert, or_, select, update

from ...schemas.account import AccountForm
from ...schemas.folders import MappedFolder, Role
from ...schemas.text_forms import normalised
from ..errors import NoSuchAccountError
from .grants import kind_of
from .tables import account, folder, grant

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

    from .grants import GrantKind


#: Characters of the column ``name_key``.
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """One account with what its view needs of its grant, read in one SELECT."""

    id: str
    form: AccountForm
    #: Counts the saves: who saves an older version has not seen the newer one.
    version: int = 1
    report: dict[str, Any] | None
    signed_in_as: str | None
    signed_in_at: datetime | None
    #: Whose sign-in the grant is; None without a grant.
    kind: GrantKind | None = None
    refused: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """The submission of the form that made an account; `digest` is None from before 0004."""

    account_id: str
    worker: str
    digest: str | None


_SELECT = select(
    account,
    grant.c.username.label("signed_in_as"),
    grant.c.granted_at.label("signed_in_at"),
    grant.c.refused,
    grant.c.kind,
).outerjoin(grant)

# Built once: finding a compiled statement costs SQLAlchemy a walk over every part of a new one.
_BY_ID = _SELECT.where(account.c.id == bindparam("account"))
_BY_NAME = select(account.c.id).where(account.c.name_key == bindparam("key"))
_INSERT = insert(account)
_OF_VERSION = bindparam("of_version", type_=Integer)
_UPDATE = (
    update(account)
    .where(
        account.c.id == bindparam("account"),
        or_(_OF_VERSION.is_(None), account.c.version == _OF_VERSION),
    )
    .values(version=account.c.version + 1)
)
_MAPPING = select(folder).where(folder.c.account_id == bindparam("account"))


def _row(found: Any) -> AccountRow:
    return AccountRow(
        id=found.id,
        form=AccountForm(
            account_name=found.name,
            sender_name=found.sender_name,
            sender_email=found.sender_email,
            use_oauth=True,
            username=found.username,
        ),
        version=found.version,
        report=found.report,
        signed_in_as=found.signed_in_as,
        signed_in_at=found.signed_in_at,
        kind=None if found.signed_in_as is None else kind_of(found.kind, found.signed_in_as),
        refused=found.refused,
    )


def read_account(connection: Connection, account_id: str) -> AccountRow | None:
    """Return one account."""
    found = connection.execute(_BY_ID, {"account": account_id}).first()
    return None if found is None else _row(found)


def require_account(connection: Connection, account_id: str) -> AccountRow:
    """Return one account; raise ``NoSuchAccountError`` if it is not there."""
    row = read_account(connection, account_id)
    if row is None:
        raise NoSuchAccountError(account_id)
    return row


def read_accounts(connection: Connection) -> list[AccountRow]:
    """Return all accounts, by name."""
    return [_row(found) for found in connection.execute(_SELECT.order_by(account.c.name_key))]


def account_of_request(connection: Connection, request_id: str) -> str | None:
    """Return the id of the account that this submission of the form has made."""
    found: str | None = connection.scalar(
        select(account.c.id).where(account.c.request_id == request_id)
    )
    return found


def read_request(connection: Connection, request_id: str) -> Request | None:
    """Return the submission of the form that has made an account, None if it has made none."""
    found = connection.execute(
        select(account.c.id, account.c.created_by, account.c.request_digest).where(
            account.c.request_id == request_id
        )
    ).first()
    return None if found is None else Request(*found)


def account_of_mailbox(connection: Connection, address: str) -> str | None:
    """Return the id of the oldest account that sends as this address, in whatever case."""
    found: str | None = connection.scalar(
        select(account.c.id)
        .where(func.lower(account.c.sender_email) == func.lower(address))
        .order_by(account.c.created_at, account.c.id)
        .limit(1)
    )
    return found


def ids_by_age(connection: Connection) -> list[str]:
    """Return the ids of all accounts, the oldest first."""
    return list(
        connection.scalars(select(account.c.id).order_by(account.c.created_at, account.c.id))
    )


def name_taken(connection: Connection, name: str, *, but: str | None) -> bool:
    """Return whether another account has this name, in whatever case."""
    found = connection.scalar(_BY_NAME, {"key": name_key(name)})
    return found is not None and found != but


def name_key(name: str) -> str:
    """Return the form of a name that equal names share: one that reads the same is the same.

    A key that is longer than its column ends in the whole key's SHA-256.
    """
    folded = normalised("NFKC", name).casefold()
    seen = "".join(each for each in folded if unicodedata.category(each) != "Cf")
    key = " ".join(seen.split())
    if len(key) <= _LONGEST_KEY:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()
    return key[: _LONGEST_KEY - len(digest)] + digest


def _columns(form: AccountForm) -> dict[str, str]:
    return {
        "name": form.account_name,
        "name_key": name_key(form.account_name),
        "sender_name": form.sender_name,
        "sender_email": form.sender_email,
        "username": form.username,
    }


def insert_account(
    connection: Connection,
    account_id: str,
    form: AccountForm,
    *,
    request_id: str,
    request_digest: str | None = None,
    at: datetime,
    by: str,
) -> None:
    """Store a new account; `request_digest` is of the values that came with `request_id`."""
    made = {
        "id": account_id,
        "request_id": request_id,
        "request_digest": request_digest,
        "created_at": at,
        "created_by": by,
    }
    connection.execute(_INSERT, made | _columns(form))


def update_account(
    connection: Connection, account_id: str, form: AccountForm, *, version: int | None = None
) -> bool:
    """Store a changed form without the last report, which was about the old one.

    With `version` only if the account still has it; return whether it had.
    """
    values = {"account": account_id, "of_version": version, "report": None} | _columns(form)
    return bool(connection.execute(_UPDATE, values).rowcount == 1)


def delete_account(connection: Connection, account_id: str) -> bool:
    """Delete an account with all that belongs to it; return whether there was one."""
    return connection.execute(delete(account).where(account.c.id == account_id)).rowcount == 1


def store_report(connection: Connection, account_id: str, report: dict[str, Any]) -> None:
    """Keep the last report of Test Connection."""
    connection.execute(update(account).where(account.c.id == account_id).values(report=report))


def read_mapping(connection: Connection, account_id: str) -> tuple[MappedFolder, ...]:
    """Return an account's stored mapping, in the order of the roles."""
    found = connection.execute(_MAPPING, {"account": account_id})
    return _mapping(found)


def read_mappings(connection: Connection) -> dict[str, tuple[MappedFolder, ...]]:
    """Return all stored mappings by account."""
    rows = connection.execute(select(folder).order_by(folder.c.account_id))
    groups = groupby(rows, key=lambda row: row.account_id)
    return {account_id: _mapping(group) for account_id, group in groups}


def _mapped(row: Any) -> MappedFolder:
    return MappedFolder(
        role=Role(row.role),
        path=row.path,
        full_label=row.full_label,
        uid_validity=row.uid_validity,
        chosen_by=row.chosen_by,
        chosen_at=row.chosen_at,
    )


def _mapping(rows: Iterable[Any]) -> tuple[MappedFolder, ...]:
    # A role that only a newer version knows is left out: it must not end every list of accounts.
    mapped = (_mapped(row) for row in rows if row.role in set(Role))
    return tuple(sorted(mapped, key=lambda item: list(Role).index(item.role)))


def store_mapping(connection: Connection, account_id: str, mapped: Iterable[MappedFolder]) -> None:
    """Store the whole mapping in place of the old one."""
    connection.execute(delete(folder).where(folder.c.account_id == account_id))
    rows = [
        {
            "account_id": account_id,
            "role": item.role.value,
            "path": item.path,
            "full_label": item.full_label,
            "uid_validity": item.uid_validity,
            "chosen_by": item.chosen_by,
            "chosen_at": item.chosen_at,
        }
        for item in mapped
    ]
    if rows:
        connection.execute(insert(folder), rows)
