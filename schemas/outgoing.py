"""A mail as the host hands it over: to whom, with what content, and how it is to leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import marshmallow
from marshmallow import Schema, ValidationError, post_load, validates_schema

from .text import Address as AddressField
from .text import Line, refuse_unsafe_text

#: Bytes, a file's path, or a function that opens a new binary stream each time it is called.
Content: TypeAlias = bytes | Path | Callable[[], BinaryIO]

#: RFC 5322 §3.6.8: printable ASCII but the colon.
_HEADER_NAME = re.compile(r"(?:X|List)-[!-9;-~]{1,60}", re.IGNORECASE)
#: Fields that the plugin writes itself, or that only servers write.
_RESERVED = re.compile(r"X-(?:MS-Exchange|Microsoft)-", re.IGNORECASE)
#: RFC 5322 §3.6.4, without the obsolete forms; ids of 79 characters and more are common.
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,700}@[!-;=?A-~]{1,250}>")
#: RFC 6838 §4.2. Whole messages and multiparts may not be base64 (RFC 2045 §6.4).
_MEDIA_TYPE = re.compile(
    r"(?!multipart/|message/)[a-z0-9][\w!#$&^.+-]{0,126}/[\w!#$&^.+-]{1,127}", re.IGNORECASE
)
_INLINE_ID = re.compile(r"[!-;=?-~]{1,200}")
_LONGEST_REFERENCES = 100
_LONGEST_VALUE = 2000


@dataclass(frozen=True, slots=True)
class Address:
    """A mail address (RFC 5321) and the name to show beside it."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail; with an `inline_id`, the picture that HTML shows as ``cid:inline_id``."""

    name: str
    media_type: str
    content: Content = field(repr=False)
    inline_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    """A mail to be sent through an account; its From is the account's sender.

    `in_reply_to` is the Message-ID that it answers, `references` the ids of the whole thread,
    oldest first. `document` is the host's own name for what the mail belongs to. `send_at` and
    `expires_at` carry a time zone; after `expires_at` the mail is not sent by itself any more. A
    higher `priority` leaves first. `automatic` mail says so (RFC 3834). With `partial`, refused
    recipients do not keep the mail from the others. `previewed` is the digest of a preview:
    content that has changed since then is refused. `headers` are fields X-… and List-….

    `raw` is a whole message (RFC 5322) in place of subject, texts, attachments and threading.
    """

    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    text: str = field(default="", repr=False)
    html: str = field(default="", repr=False)
    attachments: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    document: str = ""
    send_at: datetime | None = None
    expires_at: datetime | None = None
    priority: int = 0
    automatic: bool = False
    partial: bool = False
    previewed: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: Content | None = field(default=None, repr=False)


class _Each(marshmallow.fields.Field[Any]):
    """A sequence; the messages of its items are told one after another, each with its item."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> tuple[Any, ...]:  # noqa: ARG002 - marshmallow's signature
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise ValidationError("Give a sequence, such as a tuple.")
        loaded, messages = [], []
        for item in value:
            try:
                loaded.append(self.item(item))
            except ValidationError as err:
                messages.extend(_flat(err.messages))
        if messages:
            raise ValidationError(messages)
        return tuple(loaded)

    def item(self, item: Any) -> Any:
        """Return one loaded item, or raise ``ValidationError``."""
        raise NotImplementedError


class Addresses(_Each):
    """A sequence of `Address`; a bare string is an address without a name."""

    _ADDRESS = AddressField(required=True, metadata={"label": "The address"})
    _NAME = Line(longest=200, metadata={"label": "The name"})

    def item(self, item: Any) -> Address:
        """Return the address, normalised."""
        given = Address(item) if isinstance(item, str) else item
        if not isinstance(given, Address):
            raise ValidationError("Give an Address(address, name).")
        return Address(self._ADDRESS.deserialize(given.address), self._NAME.deserialize(given.name))


class Attachments(_Each):
    """A sequence of `Attachment`; what their content holds is seen when it is read."""

    _NAME = Line(longest=200, required=True, metadata={"label": "The file's name"})

    def item(self, item: Any) -> Attachment:
        """Return the attachment with a clean name."""
        if not isinstance(item, Attachment):
            raise ValidationError("Give an Attachment(name, media_type, content).")
        name = self._NAME.deserialize(item.name)
        if not _MEDIA_TYPE.fullmatch(item.media_type):
            raise ValidationError(
                f"“{name}” has no usable media type. Give one such as application/pdf; a message"
                " is attached as application/octet-stream."
            )
        if item.inline_id and not _INLINE_ID.fullmatch(item.inline_id):
            raise ValidationError(
                f"The inline_id of “{name}” may have printable ASCII characters but < and > only."
            )
        refuse_content(item.content, f"“{name}”")
        return Attachment(name, item.media_type.lower(), item.content, item.inline_id)


def refuse_content(content: Any, what: str) -> None:
    """Raise ``ValidationError`` unless `content` is of one of the kinds of `Content`."""
    if not isinstance(content, bytes | Path) and not callable(content):
        raise ValidationError(
            f"The content of {what} must be bytes, a pathlib.Path, or a function that opens a"
            " binary stream."
        )


class MessageIds(_Each):
    """A sequence of Message-IDs (RFC 5322 §3.6.4), each in angle brackets."""

    def item(self, item: Any) -> str:
        """Return the id as it is: it must not change by a character."""
        if not isinstance(item, str) or not _MESSAGE_ID.fullmatch(item):
            raise ValidationError(
                "This is no Message-ID. Give it as the mail has it, such as <1234@example.com>."
            )
        return item


class MessageId(marshmallow.fields.String):
    """One Message-ID, or nothing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        return MessageIds().item(text) if text else text


class Headers(marshmallow.fields.Field[Any]):
    """Further header fields: ``X-…`` and ``List-…``, one line of text each."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> dict[str, str]:  # noqa: ARG002 - marshmallow's signature
        if not isinstance(value, Mapping):
            raise ValidationError("Give a mapping of field names to text.")
        messages = [text for name in value for text in self._wrong(name, value[name])]
        if messages:
            raise ValidationError(messages)
        return {name: value[name].strip() for name in value}

    @staticmethod
    def _wrong(name: Any, text: Any) -> list[str]:
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or _RESERVED.match(name):
            shown = name[:60] if isinstance(name, str) else type(name).__name__
            return [f"“{shown}” is no field of the host's own. Names begin with X- or List-."]
        if not isinstance(text, str) or len(text) > _LONGEST_VALUE:
            return [f"The value of {name} must be text of at most {_LONGEST_VALUE} characters."]
        try:
            refuse_unsafe_text(text)
        except ValidationError as err:
            return [f"{name}: {message}" for message in _flat(err.messages)]
        return []


class Body(marshmallow.fields.String):
    """Text of a body: any characters but NUL and surrogates; line ends become CR LF."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValidationError(
                "The text has a NUL or half a surrogate pair, which no mail can carry. Remove it."
            )
        return text


class Moment(marshmallow.fields.Field[Any]):
    """A ``datetime`` with a time zone, or None."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> datetime:  # noqa: ARG002 - marshmallow's signature
        if not isinstance(value, datetime):
            raise ValidationError("Give a datetime.")
        if value.tzinfo is None or value.utcoffset() is None:
            raise ValidationError(
                "This time has no time zone, so it could mean 24 moments. Give it one."
            )
        return value


class _RawContent(marshmallow.fields.Field[Any]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:  # noqa: ARG002 - marshmallow's signature
        refuse_content(value, "the message")
        return value


class OutgoingMailSchema(Schema):
    """Loads an `OutgoingMail`; `load_outgoing` is how to call it."""

    to = Addresses(load_default=())
    cc = Addresses(load_default=())
    bcc = Addresses(load_default=())
    reply_to = Addresses(load_default=())
    subject = Line(longest=900, load_default="", metadata={"label": "The subject"})
    text = Body(load_default="")
    html = Body(load_default="")
    attachments = Attachments(load_default=())
    in_reply_to = MessageId(load_default="")
    references = MessageIds(load_default=())
    document = Line(longest=200, load_default="", metadata={"label": "The document"})
    send_at = Moment(load_default=None, allow_none=True)
    expires_at = Moment(load_default=None, allow_none=True)
    priority = marshmallow.fields.Integer(
        strict=True, load_default=0, validate=marshmallow.validate.Range(-100, 100)
    )
    automatic = marshmallow.fields.Boolean(load_default=False)
    # Not under its own name: a Schema has an attribute `partial`.
    in_part = marshmallow.fields.Boolean(
        load_default=False, data_key="partial", attribute="partial"
    )
    previewed = Line(longest=100, load_default="", metadata={"label": "The digest"})
    headers = Headers(load_default=dict)
    raw = _RawContent(load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _check_together(
        self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any
    ) -> None:
        wrong: dict[str, list[str]] = {}
        # Addresses that are no good were given all the same: their own messages are enough.
        if not any(original.get(kind) for kind in ("to", "cc", "bcc")):
            wrong["to"] = ["Nobody would receive this mail. Give at least one address."]
        if len(data.get("references", ())) > _LONGEST_REFERENCES:
            wrong["references"] = [f"At most {_LONGEST_REFERENCES} ids are possible."]
        leaves, expires = data.get("send_at"), data.get("expires_at")
        if leaves is not None and expires is not None and expires <= leaves:
            wrong["expires_at"] = ["The mail would expire before it is sent."]
        if data.get("raw") is not None:
            wrong |= {
                name: ["This lies in the raw message already. Leave it out here."]
                for name in (
                    "subject",
                    "text",
                    "html",
                    "attachments",
                    "in_reply_to",
                    "references",
                    "headers",
                    "reply_to",
                )
                if data.get(name)
            }
        if wrong:
            raise ValidationError(wrong)

    @post_load
    def _to_mail(self, data: dict[str, Any], **_: Any) -> OutgoingMail:
        return OutgoingMail(**data)


def load_outgoing(message: OutgoingMail) -> OutgoingMail:
    """Return the mail, normalised; raise ``ValidationError`` with messages per field."""
    if not isinstance(message, OutgoingMail):
        raise ValidationError({"message": ["Give an OutgoingMail."]})
    values = {each.name: getattr(message, each.name) for each in fields(message)}
    loaded: OutgoingMail = OutgoingMailSchema().load(values)
    return loaded


def _flat(messages: Any) -> list[str]:
    """Return the sentences of a ``ValidationError``, however deep they lie."""
    if isinstance(messages, str):
        return [messages]
    parts = messages.values() if isinstance(messages, Mapping) else messages
    return [text for part in parts for text in _flat(part)]
