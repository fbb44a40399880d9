"""A whole message of the host's own: checked line by line, and sent as it is but for a few fields.

The body is not touched beyond its line ends, so that a signature (S/MIME, RFC 8551 §3.1) holds.
"""

from __future__ import annotations

import re
from email.utils import format_datetime
from typing import TYPE_CHECKING

from marshmallow import ValidationError

from ...schemas.mail_address import same_address
from .composing import opened
from .policy import POLICY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from ...schemas.outgoing import Content
    from .composing import Envelope

#: Octets of a line without its end (RFC 5322 §2.1.1).
_LONGEST_LINE = 998
#: Bytes of a header; Exchange Online takes 256 KB of header fields.
_LONGEST_HEADER = 256 * 1024
#: Fields of ours: the first is written again, the others would betray or mislead.
_REPLACED = frozenset({b"message-id", b"bcc", b"return-path", b"resent-bcc"})
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
#: Bytes of the body that are collected before they are handed on.
_BLOCK = 64 * 1024
_WHAT = "the message"


def raw_message(content: Content, envelope: Envelope) -> Iterator[bytes]:
    """Yield the message with its line ends as CR LF. Raises ``ValidationError`` with the cause."""
    with opened(content, _WHAT) as stream:
        lines = _Lines(stream)
        yield _header(lines, envelope)
        block = bytearray()
        for line in lines:
            block += line
            if len(block) >= _BLOCK:
                yield bytes(block)
                block.clear()
        yield bytes(block)


class _Lines:
    """The lines of a stream, each with CR LF; the first one's end is how all must end."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._end: bytes | None = None
        self._number = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self._stream.readline(_LONGEST_LINE + 3)
        if not line:
            raise StopIteration
        self._number += 1
        end = b"\r\n" if line.endswith(b"\r\n") else b"\n" if line.endswith(b"\n") else b""
        text = line[: len(line) - len(end)]
        if len(text) > _LONGEST_LINE:
            raise self._wrong(
                f"is longer than {_LONGEST_LINE} bytes. Encode that part as base64 or"
                " quoted-printable"
            )
        self._end = self._end or end
        if b"\0" in text or b"\r" in text or (end and end != self._end):
            raise self._wrong("has a NUL or a line end unlike the first one. Use CR LF throughout")
        return text + b"\r\n"

    def _wrong(self, what: str) -> ValidationError:
        return ValidationError({"raw": [f"Line {self._number} of the message {what}."]})


def _header(lines: _Lines, envelope: Envelope) -> bytes:
    """Return the header with the blank line: ours where ours belong, the rest as it was."""
    fields = _fields(lines)
    _check_from(fields, envelope)
    kept = [whole for name, whole in fields if name not in _REPLACED]
    names = {name for name, _ in fields}
    added = [b"Message-ID: " + envelope.message_id.encode("ascii") + b"\r\n"]
    if b"date" not in names:
        added.append(f"Date: {format_datetime(envelope.date)}\r\n".encode("ascii"))
    if b"mime-version" not in names:
        added.append(b"MIME-Version: 1.0\r\n")
    return b"".join((*added, *kept, b"\r\n"))


def _fields(lines: _Lines) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = []
    size = 0
    for line in lines:
        size += len(line)
        if line == b"\r\n":
            return fields
        if size > _LONGEST_HEADER:
            raise ValidationError({"raw": ["The message's header is larger than 256 KB."]})
        if not line.isascii():
            raise ValidationError(
                {"raw": ["The message's header has bytes outside ASCII. Encode them (RFC 2047)."]}
            )
        if line[:1] in b" \t" and fields:
            name, whole = fields[-1]
            fields[-1] = name, whole + line
        elif found := _FIELD.match(line):
            fields.append((found[1].lower(), line))
        else:
            break
    raise ValidationError({"raw": ["The message has no header, or no blank line after it."]})


def _check_from(fields: list[tuple[bytes, bytes]], envelope: Envelope) -> None:
    """Refuse a message that is from somebody else: Exchange would, after all data was sent."""
    found = [whole for name, whole in fields if name == b"from"]
    text = found[0].partition(b":")[2].decode("ascii") if len(found) == 1 else ""
    header = POLICY.header_factory("From", "".join(text.splitlines()).strip())
    addresses = [each.addr_spec for each in getattr(header, "addresses", ())]
    if len(addresses) != 1 or not same_address(addresses[0], envelope.sender.address):
        raise ValidationError(
            {
                "raw": [
                    f"The message's From must be the account's sender, {envelope.sender.address}."
                ]
            }
        )
