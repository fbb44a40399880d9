"""Rows of the outbox: written, claimed, handed over, settled. What a reply means is decided above.

Every change of a mail that is under way asks for its owner and its lease in the same statement, so
that a worker which lost both changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, text, update

from ...schemas.delivery import DeliveryState, RecipientState, WaitReason
from .clock import database_now
from .mail_tables import body, delivery, recipient, trail
from .sealing import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from .sealing import KeyRing

#: Bytes of a chunk before it is sealed.
CHUNK = 256 * 1024

#: A row whose body is still being written; hosts never see it.
WRITING = "writing"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One delivery as stored; times are seconds by the database's clock."""

    id: str
    account_id: str
    account_name: str
    request_id: str
    message_id: str
    document: str
    request_digest: str
    sender: str
    submitter: str
    subject: str
    state: str
    reason: str
    ready: bool
    rank: int
    queued_at: float
    not_before: float
    expires_at: float | None
    paused_before: float
    attempts: int
    owner: str | None
    lease_until: float | None
    handed_at: float | None
    looks: int
    resent: bool
    partial: bool
    smtputf8: bool
    external: bool
    control: bool
    size: int
    chunks: int
    body_digest: str
    transport: str
    finding: str
    server_words: str
    evidence: Mapping[str, Any]
    finished_at: float | None
    purge_at: float | None
    told: Mapping[str, Any]
    origin: str
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipientRow:
    """One recipient of a delivery, by its `position`."""

    position: int
    address: str
    name: str
    kind: str
    state: str = RecipientState.WAITING
    finding: str = ""
    server_words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """One step of a delivery's way."""

    at: float
    name: str
    details: Mapping[str, str] = field(default_factory=dict)


_COLUMNS = tuple(delivery.c)
_BY_ID = select(*_COLUMNS).where(delivery.c.id == bindparam("delivery"))
_BY_REQUEST = select(*_COLUMNS).where(
    delivery.c.account_id == bindparam("account"), delivery.c.request_id == bindparam("request")
)
_BY_MESSAGE_ID = select(*_COLUMNS).where(delivery.c.message_id == bindparam("message_id"))
_INSERT = insert(delivery)
_RECIPIENTS = (
    select(recipient)
    .where(recipient.c.delivery_id == bindparam("delivery"))
    .order_by(recipient.c.position)
)
_TRAIL = select(trail).where(trail.c.delivery_id == bindparam("delivery")).order_by(trail.c.id)
_STEP = insert(trail)
_CHUNK = insert(body)
_SEALED = select(body.c.sealed).where(body.c.id == bindparam("chunk"))


def _row(found: Any) -> DeliveryRow:
    return DeliveryRow(**found._mapping)  # noqa: SLF001 - SQLAlchemy's public name of it


def clock(connection: Connection) -> float:
    """Return the database's time."""
    return float(connection.scalar(select(database_now())) or 0.0)


# Reading


def read_delivery(connection: Connection, delivery_id: str) -> DeliveryRow | None:
    """Return one delivery."""
    found = connection.execute(_BY_ID, {"delivery": delivery_id}).first()
    return None if found is None else _row(found)


def delivery_of_request(
    connection: Connection, account_id: str, request_id: str
) -> DeliveryRow | None:
    """Return the delivery that a request of the host's has made."""
    named = {"account": account_id, "request": request_id}
    found = connection.execute(_BY_REQUEST, named).first()
    return None if found is None else _row(found)


def delivery_of_message(connection: Connection, message_id: str) -> DeliveryRow | None:
    """Return the delivery with this Message-ID."""
    found = connection.execute(_BY_MESSAGE_ID, {"message_id": message_id}).first()
    return None if found is None else _row(found)


def read_recipients(connection: Connection, delivery_id: str) -> tuple[RecipientRow, ...]:
    """Return a delivery's recipients in their order."""
    return tuple(
        RecipientRow(
            position=row.position,
            address=row.address,
            name=row.name,
            kind=row.kind,
            state=row.state,
            finding=row.finding,
            server_words=row.server_words,
        )
        for row in connection.execute(_RECIPIENTS, {"delivery": delivery_id})
    )


def read_trail(connection: Connection, delivery_id: str) -> tuple[TrailRow, ...]:
    """Return a delivery's steps, oldest first."""
    found = connection.execute(_TRAIL, {"delivery": delivery_id})
    return tuple(TrailRow(at=row.at, name=row.name, details=row.details) for row in found)


def read_deliveries(
    connection: Connection,
    *,
    accounts: Sequence[str] | None,
    states: Sequence[str] | None,
    document: str | None,
    before: str | None,
    limit: int,
) -> list[DeliveryRow]:
    """Return the newest deliveries that fit, `before` the one with that id."""
    query = select(*_COLUMNS).where(delivery.c.state != WRITING)
    if accounts is not None:
        query = query.where(delivery.c.account_id.in_(accounts))
    if states is not None:
        query = query.where(delivery.c.state.in_(states))
    if document is not None:
        query = query.where(delivery.c.document == document)
    last = None if before is None else read_delivery(connection, before)
    if last is not None:
        query = query.where(
            or_(
                delivery.c.queued_at < last.queued_at,
                and_(delivery.c.queued_at == last.queued_at, delivery.c.id < last.id),
            )
        )
    query = query.order_by(delivery.c.queued_at.desc(), delivery.c.id.desc()).limit(limit)
    return [_row(found) for found in connection.execute(query)]


def count_waiting(connection: Connection, account_id: str | None) -> dict[str, int]:
    """Count the mails that are queued, on their way, or uncertain: of one account, or of each."""
    query = (
        select(delivery.c.account_id, func.count())
        .where(delivery.c.state.in_(("queued", "sending", "uncertain")))
        .group_by(delivery.c.account_id)
    )
    if account_id is not None:
        query = query.where(delivery.c.account_id == account_id)
    return {account: int(count) for account, count in connection.execute(query)}


# Writing down a new mail


def insert_delivery(connection: Connection, values: Mapping[str, Any]) -> None:
    """Store a new delivery; `values` by column, with what has a default left out."""
    connection.execute(_INSERT, dict(values))


def insert_recipients(
    connection: Connection, delivery_id: str, rows: Iterable[RecipientRow]
) -> None:
    """Store a delivery's recipients."""
    made = [
        {
            "delivery_id": delivery_id,
            "position": row.position,
            "address": row.address,
            "name": row.name,
            "kind": row.kind,
            "state": row.state,
        }
        for row in rows
    ]
    connection.execute(insert(recipient), made)


def insert_chunk(
    connection: Connection, ring: KeyRing, delivery_id: str, index: int, chunk: bytes, *, last: bool
) -> None:
    """Seal one chunk of a body and store it."""
    chunk_id = _chunk_id(delivery_id, index, last=last)
    sealed = ring.seal(chunk, Place(body.name, chunk_id, "sealed"))
    connection.execute(_CHUNK, {"id": chunk_id, "sealed": sealed})


def read_chunk(
    connection: Connection, ring: KeyRing, delivery_id: str, index: int, *, last: bool
) -> bytes:
    """Return one chunk; raise ``SealError`` if it does not open, ``LookupError`` if it is gone."""
    chunk_id = _chunk_id(delivery_id, index, last=last)
    sealed: bytes | None = connection.scalar(_SEALED, {"chunk": chunk_id})
    if sealed is None:
        raise LookupError(f"Chunk {index} of {delivery_id} is not there.")
    return ring.open(sealed, Place(body.name, chunk_id, "sealed"))


def _chunk_id(delivery_id: str, index: int, *, last: bool) -> str:
    return f"{delivery_id}/{index:06d}{'.' if last else '+'}"


def delete_body(connection: Connection, delivery_id: str) -> None:
    """Delete what is stored of a body."""
    # "0" comes right after "/", so the range holds the chunks of this delivery alone.
    connection.execute(
        delete(body).where(body.c.id > f"{delivery_id}/", body.c.id < f"{delivery_id}0")
    )


def step(
    connection: Connection, delivery_id: str, name: str, details: Mapping[str, str] | None = None
) -> None:
    """Add a step to a delivery's trail."""
    values = {"delivery_id": delivery_id, "name": name, "details": dict(details or {})}
    connection.execute(_STEP.values(at=database_now()), values)


# On its way


def _leased(owner: ColumnElement[Any] | str) -> Any:
    return and_(delivery.c.owner == owner, delivery.c.lease_until > database_now())


_PICKED = (
    select(delivery.c.id)
    .where(
        delivery.c.account_id == bindparam("account"),
        delivery.c.state == text("'queued'"),
        delivery.c.ready,
        or_(~delivery.c.external, bindparam("externals")),
    )
    .order_by(delivery.c.rank, delivery.c.queued_at, delivery.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_CLAIMED = {
    "state": DeliveryState.SENDING.value,
    "reason": WaitReason.NONE.value,
    "owner": bindparam("new_owner"),
    "lease_until": database_now() + bindparam("seconds"),
    "attempts": delivery.c.attempts + 1,
    "handed_at": None,
}
_CLAIM_NEXT = (
    update(delivery)
    .where(delivery.c.id == _PICKED, delivery.c.state == text("'queued'"), delivery.c.ready)
    .values(_CLAIMED)
    .returning(*_COLUMNS)
)
_CLAIM_ONE = (
    update(delivery)
    .where(delivery.c.id == bindparam("delivery"), delivery.c.state == text("'queued'"))
    .values(_CLAIMED)
    .returning(*_COLUMNS)
)


def claim_next(
    connection: Connection, account_id: str, owner: str, seconds: float, *, external: bool
) -> DeliveryRow | None:
    """Take the account's next ready mail for `seconds`; without `external` an internal one."""
    named = {
        "account": account_id,
        "new_owner": owner,
        "seconds": seconds,
        "externals": external,
    }
    found = connection.execute(_CLAIM_NEXT, named).first()
    return None if found is None else _row(found)


def claim_one(
    connection: Connection, delivery_id: str, owner: str, seconds: float
) -> DeliveryRow | None:
    """Take this mail for `seconds`, whatever waits before it; None if it is not queued."""
    named = {"delivery": delivery_id, "new_owner": owner, "seconds": seconds}
    found = connection.execute(_CLAIM_ONE, named).first()
    return None if found is None else _row(found)


_RENEW = (
    update(delivery)
    .where(delivery.c.id == bindparam("delivery"), _leased(bindparam("me")))
    .values(lease_until=database_now() + bindparam("seconds"))
)
_HAND = (
    update(delivery)
    .where(
        delivery.c.id == bindparam("delivery"),
        _leased(bindparam("me")),
        delivery.c.state == text("'sending'"),
        delivery.c.handed_at.is_(None),
    )
    .values(
        handed_at=database_now(),
        lease_until=database_now() + bindparam("seconds"),
        transport=bindparam("by"),
    )
)


def renew_lease(connection: Connection, delivery_id: str, owner: str, seconds: float) -> bool:
    """Hold a mail for `seconds` from now; return whether it was still held."""
    named = {"delivery": delivery_id, "me": owner, "seconds": seconds}
    return connection.execute(_RENEW, named).rowcount == 1


def mark_handed(
    connection: Connection, delivery_id: str, owner: str, seconds: float, *, transport: str
) -> bool:
    """Pass the point of no return; return whether the mail was still held.

    Commit it before the last byte is sent, and so that a power cut cannot undo it.
    """
    named = {"delivery": delivery_id, "me": owner, "seconds": seconds, "by": transport}
    return connection.execute(_HAND, named).rowcount == 1


def settle(
    connection: Connection,
    delivery_id: str,
    values: Mapping[str, Any],
    *,
    owner: str | None = None,
    states: Sequence[str] = (),
    attempts: int | None = None,
) -> bool:
    """Change a mail if `owner` still holds it, it is in one of `states`, after so many attempts.

    Return whether it was changed. The verdict on a mail that was handed over counts however late
    it comes, as long as nobody else has decided: its lease is not asked for, only its owner.
    """
    statement = update(delivery).where(delivery.c.id == delivery_id)
    if owner is not None:
        statement = statement.where(delivery.c.owner == owner)
    if states:
        statement = statement.where(delivery.c.state.in_(states))
    if attempts is not None:
        statement = statement.where(delivery.c.attempts == attempts)
    return connection.execute(statement.values(**values)).rowcount == 1


def set_recipients(
    connection: Connection,
    delivery_id: str,
    state: RecipientState,
    *,
    addresses: Sequence[str] | None = None,
    finding: str = "",
    server_words: str = "",
) -> int:
    """Set the state of some recipients, or of all that still wait; return how many changed."""
    statement = update(recipient).where(recipient.c.delivery_id == delivery_id)
    if addresses is None:
        statement = statement.where(recipient.c.state == RecipientState.WAITING.value)
    else:
        statement = statement.where(recipient.c.address.in_(addresses))
    values = {"state": state.value, "finding": finding, "server_words": server_words}
    return connection.execute(statement.values(**values)).rowcount


# What time brings


def make_ready(connection: Connection, account_id: str) -> int:
    """Let leave what waited for its time, if that has come; return how many mails."""
    return connection.execute(
        update(delivery)
        .where(
            delivery.c.account_id == account_id,
            delivery.c.state == text("'queued'"),
            ~delivery.c.ready,
            delivery.c.not_before <= database_now(),
        )
        .values(ready=True, reason=WaitReason.NONE.value)
    ).rowcount


def abandoned(connection: Connection, account_id: str, *, longest: float) -> list[DeliveryRow]:
    """Return the mails whose worker has gone: their lease ended, or lies too far ahead."""
    now = database_now()
    query = select(*_COLUMNS).where(
        delivery.c.account_id == account_id,
        delivery.c.state == text("'sending'"),
        or_(delivery.c.lease_until <= now, delivery.c.lease_until > now + longest),
    )
    return [_row(found) for found in connection.execute(query)]


def due_uncertain(connection: Connection, account_id: str, limit: int) -> list[DeliveryRow]:
    """Return the uncertain mails that are to be looked for now, the longest due first."""
    query = (
        select(*_COLUMNS)
        .where(
            delivery.c.account_id == account_id,
            delivery.c.state == text("'uncertain'"),
            delivery.c.not_before <= database_now(),
        )
        .order_by(delivery.c.not_before)
        .limit(limit)
    )
    return [_row(found) for found in connection.execute(query)]


def outdated(
    connection: Connection, account_id: str, *, hold: float, limit: int
) -> list[DeliveryRow]:
    """Return queued mails that expired, or that waited longer than `hold` since their time."""
    now = database_now()
    query = (
        select(*_COLUMNS)
        .where(
            delivery.c.account_id == account_id,
            delivery.c.state == text("'queued'"),
            or_(delivery.c.expires_at <= now, delivery.c.queued_at <= now - hold),
        )
        .limit(limit)
    )
    return [_row(found) for found in connection.execute(query)]


def unlooked(
    connection: Connection, account_id: str, *, longer: float, limit: int
) -> list[DeliveryRow]:
    """Return what may leave, was never tried, and is to be looked for first.

    It has waited `longer`, or was marked when a backup was restored (``looks`` below 0).
    """
    unseen = or_(
        delivery.c.looks < 0,
        and_(delivery.c.looks == 0, delivery.c.queued_at <= database_now() - longer),
    )
    query = (
        select(*_COLUMNS)
        .where(
            delivery.c.account_id == account_id,
            delivery.c.state == text("'queued'"),
            delivery.c.ready,
            delivery.c.attempts == 0,
            ~delivery.c.resent,
            unseen,
        )
        .limit(limit)
    )
    return [_row(found) for found in connection.execute(query)]


def first_step(connection: Connection, ids: Sequence[str]) -> float:
    """Return when the first of these mails was queued."""
    query = select(func.min(trail.c.at)).where(trail.c.delivery_id.in_(ids))
    return float(connection.scalar(query) or 0.0)


def handed_since(
    connection: Connection, submitter: str, since: float, limit: int
) -> list[DeliveryRow]:
    """Return other mails of a submitter that were handed over at that time or later."""
    query = (
        select(*_COLUMNS)
        .where(delivery.c.submitter == submitter, delivery.c.handed_at >= since)
        .order_by(delivery.c.handed_at)
        .limit(limit)
    )
    return [_row(found) for found in connection.execute(query)]


def handed_before(
    connection: Connection, submitter: str, before: float, limit: int
) -> list[DeliveryRow]:
    """Return the last mails of a submitter that were handed over before that time and sent."""
    query = (
        select(*_COLUMNS)
        .where(
            delivery.c.submitter == submitter,
            delivery.c.handed_at < before,
            delivery.c.state == DeliveryState.SENT.value,
        )
        .order_by(delivery.c.handed_at.desc())
        .limit(limit)
    )
    return [_row(found) for found in connection.execute(query)]


def next_times(connection: Connection, account_id: str) -> dict[str, float]:
    """Return when a worker has something to do with an account's mail, by kind of work."""
    now = clock(connection)
    query = (
        select(
            delivery.c.state,
            delivery.c.ready,
            func.min(delivery.c.not_before).label("not_before"),
            func.min(delivery.c.lease_until).label("lease_until"),
            func.min(delivery.c.expires_at).label("expires_at"),
        )
        .where(
            delivery.c.account_id == account_id,
            delivery.c.state.in_(("queued", "sending", "uncertain")),
        )
        .group_by(delivery.c.state, delivery.c.ready)
    )
    times: dict[str, float] = {}
    for row in connection.execute(query):
        kind = "look" if row.state == "uncertain" else "deliver"
        at = {
            "queued": now if row.ready else row.not_before,
            "sending": row.lease_until or now,
            "uncertain": row.not_before,
        }[row.state]
        times[kind] = min(times.get(kind, at), at)
    return times


def to_purge(connection: Connection, limit: int) -> list[str]:
    """Return the deliveries whose body is no longer needed."""
    query = (
        select(delivery.c.id)
        .where(delivery.c.purge_at <= database_now())
        .order_by(delivery.c.purge_at)
        .limit(limit)
    )
    return list(connection.scalars(query))


def unfinished_writing(connection: Connection, *, older: float, limit: int) -> list[str]:
    """Return the rows whose body was never completed, begun `older` seconds ago."""
    query = (
        select(delivery.c.id)
        .where(delivery.c.state == WRITING, delivery.c.queued_at < database_now() - older)
        .limit(limit)
    )
    return list(connection.scalars(query))


def delete_delivery(connection: Connection, delivery_id: str) -> None:
    """Delete a delivery with all that belongs to it."""
    delete_body(connection, delivery_id)
    for table in (recipient, trail):
        connection.execute(delete(table).where(table.c.delivery_id == delivery_id))
    connection.execute(delete(delivery).where(delivery.c.id == delivery_id))


def each_chunk(connection: Connection, ring: KeyRing, row: DeliveryRow) -> Iterator[bytes]:
    """Yield a body chunk by chunk."""
    for index in range(row.chunks):
        yield read_chunk(connection, ring, row.id, index, last=index == row.chunks - 1)
