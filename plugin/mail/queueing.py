"""Queue a mail: checked, built, sealed chunk by chunk, and stored before the host's call returns.

No network. `(account, request_id)` is unique for ever: a repeated request finds its delivery, and
what was stored first is what leaves.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from marshmallow import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from ...schemas.account import FormErrors
from ...schemas.delivery import DeliveryState, RecipientState, WaitReason
from ...schemas.ids import ID_PREFIX
from ...schemas.outgoing import Address, load_outgoing
from ..errors import BadRequestError, StoreError, UnavailableError
from ..store import outbox, work
from ..store.engines import reading, writing
from . import composing
from .raw_message import raw_message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from ...schemas.outgoing import OutgoingMail
    from ..context import Change, Context
    from ..store.accounts import AccountRow
    from ..store.outbox import DeliveryRow

_MEGABYTE = 1024 * 1024


class _TooLargeError(Exception):
    """The message is larger than the mailbox takes."""


def origin(context: Context) -> str:
    """Return what tells this host and database from a copy of it; no credentials."""
    url = make_url(context.settings.database_url)
    return f"{context.settings.base_url} {url.host or ''}/{url.database or ''}"[:400]


def sender_of(row: AccountRow) -> Address:
    """Return the address that an account's mail is from."""
    return Address(row.form.sender_email, row.form.sender_name)


def message_chunks(mail: OutgoingMail, envelope: composing.Envelope) -> Iterator[bytes]:
    """Yield the message, built here or given whole by the host."""
    if mail.raw is not None:
        return raw_message(mail.raw, envelope)
    return composing.message(mail, envelope)


def checked(context: Context, row: AccountRow, message: OutgoingMail) -> OutgoingMail:
    """Return the mail, normalised; raise ``ValidationError`` with messages per field."""
    mail = load_outgoing(message)
    most = context.settings.mail.recipients_per_message
    if (count := len(envelope_of(mail))) > most:
        raise ValidationError({"to": [f"{count} recipients; Microsoft takes at most {most}."]})
    if mail.expires_at is not None and mail.expires_at <= context.now():
        raise ValidationError(
            {"expires_at": ["This time has passed, so the mail would not leave."]}
        )
    if mail.previewed and mail.previewed != composing.content_digest(mail, sender_of(row)):
        raise ValidationError(
            {"previewed": ["The mail has changed since it was previewed. Look at it again."]}
        )
    return mail


def envelope_of(mail: OutgoingMail) -> tuple[str, ...]:
    """Return the recipients' addresses, each once, domains in A-labels."""
    everyone = (*mail.to, *mail.cc, *mail.bcc)
    return tuple(dict.fromkeys(composing.ascii_address(each.address) for each in everyone))


def form_errors(err: ValidationError, mail: OutgoingMail) -> FormErrors:
    """Return the messages per field; the host has the values still."""
    messages: Any = (
        err.messages if isinstance(err.messages, dict) else {"attachments": err.messages}
    )
    return FormErrors(
        errors={name: tuple(outgoing_messages(texts)) for name, texts in messages.items()},
        values={"subject": mail.subject, "document": mail.document},
    )


def outgoing_messages(texts: Any) -> list[str]:
    """Return the sentences among marshmallow's messages, however deep they lie."""
    if isinstance(texts, str):
        return [texts]
    parts = texts.values() if isinstance(texts, dict) else texts
    return [text for part in parts for text in outgoing_messages(part)]


@dataclass(frozen=True)
class Queue:
    """Mail that is queued for the accounts of one host."""

    context: Context

    def add(
        self, row: AccountRow, message: OutgoingMail, worker: str, request_id: str
    ) -> DeliveryRow | FormErrors:
        """Store a mail to be sent, or return the delivery that this request has made already.

        Raises ``BadRequestError`` if the request was made with another content,
        ``UnavailableError`` while another call stores it.
        """
        if not request_id.strip() or len(request_id) > 200:
            raise BadRequestError(
                "argument_unusable", argument="request_id", problem="must have 1 to 200 characters"
            )
        try:
            mail = checked(self.context, row, message)
            known = self._known(row.id, request_id, _request_digest(mail))
            return known or self._stored(row, mail, worker, request_id)
        except StoreError as err:
            if not isinstance(err.__cause__, IntegrityError):
                raise
            # The same request came twice at once, and the other call was quicker.
            found = self._known(row.id, request_id, _request_digest(mail))
            if found is None:
                raise
            return found
        except ValidationError as err:
            return form_errors(err, message)

    def _known(self, account_id: str, request_id: str, digest: str) -> DeliveryRow | None:
        with reading(self.context.engine) as connection:
            found = outbox.delivery_of_request(connection, account_id, request_id)
            now = outbox.clock(connection)
        if found is None:
            return None
        # Of a mail whose personal data was deleted nothing is left to compare.
        if found.request_digest and found.request_digest != digest:
            raise BadRequestError("request_id_taken")
        if found.state != outbox.WRITING:
            return found
        lease = self.context.settings.mail.times.write_lease
        if now < (found.lease_until or 0.0) <= now + lease:
            raise UnavailableError("another call is storing this mail", retry_after=lease)
        with writing(self.context.engine) as connection:
            outbox.delete_delivery(connection, found.id)  # its writer was killed
        return None

    def _stored(
        self, row: AccountRow, mail: OutgoingMail, worker: str, request_id: str
    ) -> DeliveryRow:
        writer = _Writer(self.context, row, mail, worker, request_id)
        try:
            writer.write()
        except _TooLargeError:
            most = self.context.settings.mail.max_bytes // _MEGABYTE
            said = (
                f"The mail is larger than {most} MB, which is what the mailbox takes; files grow by"
                " 37 % when they are encoded. Send a link instead."
            )
            field = "raw" if mail.raw is not None else "attachments"
            raise ValidationError({field: [said]}) from None
        with reading(self.context.engine) as connection:
            stored = outbox.read_delivery(connection, writer.id)
        if stored is None:
            raise UnavailableError("the mail was deleted while it was stored")
        return stored


def _request_digest(mail: OutgoingMail) -> str:
    """Return what makes a repeated request the same one: recipients, subject and document.

    Bodies and attachments are not compared: a report made again differs by its time stamp.
    """
    parts = [sorted(envelope_of(mail)), mail.subject, mail.document]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


class _Writer:
    """One mail being written: small ones in a single transaction, large ones chunk by chunk."""

    def __init__(
        self,
        context: Context,
        row: AccountRow,
        mail: OutgoingMail,
        worker: str,
        request_id: str,
    ) -> None:
        self.id = f"{ID_PREFIX}mail:{uuid.uuid4().hex}"
        self._context = context
        self._row = row
        self._mail = mail
        self._worker = worker
        self._owner = secrets.token_hex(16)
        self._digest = hashlib.sha256()
        self._size = 0
        sender = sender_of(row)
        self._envelope = composing.Envelope(
            sender=sender,
            message_id=composing.new_message_id(sender.address, self.id),
            date=mail.send_at or context.now(),
        )
        self._values = self._fixed(request_id)

    def write(self) -> None:
        """Write the mail; nothing of it is left if it cannot be."""
        pieces = self._pieces()
        first, last = next(pieces)
        if last:
            with self._context.change(self._worker) as change:
                self._insert(change.connection)
                self._chunk(change.connection, 0, first, last=True)
                self._queue(change, 1)
            return
        with writing(self._context.engine) as connection:
            self._insert(connection)
        try:
            self._write_large(first, pieces)
        except BaseException:
            with writing(self._context.engine) as connection:
                outbox.delete_delivery(connection, self.id)
            raise

    def _write_large(self, first: bytes, pieces: Iterator[tuple[bytes, bool]]) -> None:
        seconds = self._context.settings.mail.times.write_lease
        index, piece, last = 0, first, False
        while not last:
            # Not lasting: the last transaction waits for the disk, and for all before it.
            with writing(self._context.engine, lasting=False) as connection:
                self._chunk(connection, index, piece, last=False)
                if not outbox.renew_lease(connection, self.id, self._owner, seconds):
                    raise UnavailableError("the mail was stored too slowly")
            piece, last = next(pieces)
            index += 1
        with self._context.change(self._worker) as change:
            self._chunk(change.connection, index, piece, last=True)
            self._queue(change, index + 1)

    def _pieces(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the message in chunks of equal size, each with whether it is the last."""
        held = bytearray()
        for block in message_chunks(self._mail, self._envelope):
            self._digest.update(block)
            self._size += len(block)
            if self._size > self._context.settings.mail.max_bytes:
                raise _TooLargeError
            held += block
            while len(held) > outbox.CHUNK:
                yield bytes(held[: outbox.CHUNK]), False
                del held[: outbox.CHUNK]
        yield bytes(held), True

    def _chunk(self, connection: Connection, index: int, piece: bytes, *, last: bool) -> None:
        outbox.insert_chunk(connection, self._context.ring, self.id, index, piece, last=last)

    def _fixed(self, request_id: str) -> dict[str, Any]:
        mail, row = self._mail, self._row
        ours = {row.form.sender_email.rpartition("@")[2].lower()}
        ours |= set(self._context.settings.mail_domains)
        addresses = envelope_of(mail)
        return {
            "id": self.id,
            "account_id": row.id,
            "account_name": row.form.account_name,
            "request_id": request_id,
            "message_id": self._envelope.message_id,
            "document": mail.document,
            "request_digest": _request_digest(mail),
            "sender": composing.ascii_address(row.form.sender_email),
            "submitter": row.form.username,
            "subject": mail.subject,
            "ready": False,
            "rank": -mail.priority,
            "partial": mail.partial,
            "smtputf8": composing.needs_smtputf8(mail, self._envelope.sender),
            "external": any(each.rpartition("@")[2].lower() not in ours for each in addresses),
            "evidence": {},
            "told": {},
            "origin": origin(self._context),
            "created_by": self._worker,
        }

    def _insert(self, connection: Connection) -> None:
        now = outbox.clock(connection)
        lease = self._context.settings.mail.times.write_lease
        outbox.insert_delivery(
            connection,
            self._values
            | {
                "state": outbox.WRITING,
                "queued_at": now,
                "not_before": now,
                "owner": self._owner,
                "lease_until": now + lease,
            },
        )
        outbox.insert_recipients(connection, self.id, _recipients(self._mail))

    def _queue(self, change: Change, chunks: int) -> None:
        connection = change.connection
        values = self._leaving(connection) | {
            "state": DeliveryState.QUEUED.value,
            "owner": None,
            "lease_until": None,
            "chunks": chunks,
            "size": self._size,
            "body_digest": self._digest.hexdigest(),
        }
        if not outbox.settle(connection, self.id, values, owner=self._owner):
            raise UnavailableError("the mail was stored too slowly")
        outbox.step(connection, self.id, "queued", {"by": self._worker})
        change.happened("mail_queued", self._row.id, delivery=self.id, document=self._mail.document)
        work.wake(connection, "deliver", self._row.id, values["not_before"])

    def _leaving(self, connection: Connection) -> dict[str, Any]:
        """Return when it leaves, by the database's clock: that is the one that workers go by."""
        now, mail, host_now = outbox.clock(connection), self._mail, self._context.now()
        waits = 0.0 if mail.send_at is None else (mail.send_at - host_now).total_seconds()
        expires = mail.expires_at
        return {
            # Waiting begins when it may leave: what is scheduled has not waited until then.
            "queued_at": now + max(0.0, waits),
            "not_before": now + max(0.0, waits),
            "ready": waits <= 0,
            "reason": (WaitReason.SCHEDULED if waits > 0 else WaitReason.NONE).value,
            "expires_at": None if expires is None else now + (expires - host_now).total_seconds(),
            "paused_before": paused_seconds(work.read_mailing(connection, self._row.id), now),
        }


def paused_seconds(row: work.MailingRow, now: float) -> float:
    """Return how long an account was ever paused, the pause in force included."""
    return row.paused_seconds + (0.0 if row.paused_at is None else max(0.0, now - row.paused_at))


def _recipients(mail: OutgoingMail) -> list[outbox.RecipientRow]:
    kinds: Mapping[str, tuple[Address, ...]] = {"to": mail.to, "cc": mail.cc, "bcc": mail.bcc}
    seen: dict[str, tuple[str, Address]] = {}
    for kind, group in kinds.items():
        for each in group:
            seen.setdefault(composing.ascii_address(each.address), (kind, each))
    return [
        outbox.RecipientRow(
            position=position,
            address=address,
            name=each.name,
            kind=kind,
            state=RecipientState.WAITING.value,
        )
        for position, (address, (kind, each)) in enumerate(seen.items())
    ]
