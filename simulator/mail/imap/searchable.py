"""One message as SEARCH looks at it: texts decoded, letters in any case."""

import base64
import binascii
import quopri
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from functools import cached_property

from ...tenant.folders import Message
from .mime.header import Field, fields
from .mime.sections import header_end
from .mime.walker import Part, parsed, with_crlf
from .sets import NumberSet

#: characters of a field; decoding takes time by their square
_LONGEST_TO_DECODE, _LONGEST_DATE = 4_000, 100


@dataclass
class Searchable:
    """A message, its sequence number, and the numbers that `*` stands for."""

    message: Message
    number: int
    recent: bool
    greatest_number: int
    greatest_uid: int

    @cached_property
    def _wire(self) -> bytes:
        return with_crlf(self.message.content)

    @cached_property
    def _fields(self) -> list[Field]:
        return list(fields(self._wire[: header_end(self._wire)]))

    @property
    def size(self) -> int:
        """The size in bytes."""
        return len(self._wire)

    @property
    def sent(self) -> date | None:
        """The day in the Date field, if it can be read."""
        value = next((f.value for f in self._fields if f.is_named(b"date")), b"")
        try:
            return parsedate_to_datetime(value[:_LONGEST_DATE].decode("ascii", "replace")).date()
        except ValueError:
            return None

    def is_numbered(self, numbers: NumberSet) -> bool:
        """Return whether the sequence number is in a set."""
        return _contains(numbers.ranges(self.greatest_number), self.number)

    def has_uid(self, numbers: NumberSet) -> bool:
        """Return whether the UID is in a set."""
        return _contains(numbers.ranges(self.greatest_uid), self.message.uid)

    def header_has(self, name: str, wanted: str) -> bool:
        """Return whether a field of this name contains a text, decoded or as it was written."""
        values = [f.value for f in self._fields if f.is_named(name.encode())]
        return any(wanted in text.lower() for value in values for text in _readings(value))

    def text_has(self, wanted: str, *, whole: bool) -> bool:
        """Return whether the body contains a text; with `whole` the header counts too."""
        raw = self._wire if whole else self._wire[header_end(self._wire) :]
        if wanted in raw.decode("utf-8", "replace").lower():
            return True
        if whole and any(wanted in t.lower() for f in self._fields for t in _readings(f.value)):
            return True
        return any(wanted in text.lower() for text in _texts(parsed(self._wire)))


def _contains(ranges: list[tuple[int, int]], number: int) -> bool:
    return any(first <= number <= last for first, last in ranges)


def _readings(value: bytes) -> Iterator[str]:
    written = value.decode("utf-8", "replace").replace("\r\n", "")
    yield written
    if len(written) > _LONGEST_TO_DECODE:
        return
    try:
        yield str(make_header(decode_header(written)))
    except (MessageError, LookupError, ValueError):
        return


def _texts(part: Part) -> Iterator[str]:
    for child in part.children:
        yield from _texts(child)
    kind = part.content_type
    if not part.children and (kind is None or kind.is_type(b"text")):
        charset = (kind.parameter(b"charset") if kind else None) or b"utf-8"
        yield _decoded(part).decode(_known(charset), "replace")


def _known(charset: bytes) -> str:
    name = charset.decode("ascii", "replace")
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


def _decoded(part: Part) -> bytes:
    encoding = (part.value(b"content-transfer-encoding") or b"").strip().lower()
    if encoding == b"quoted-printable":
        return quopri.decodestring(part.body_bytes)
    if encoding == b"base64":
        try:
            return base64.b64decode(part.body_bytes)
        except binascii.Error:
            return b""
    return part.body_bytes
