"""The header of a message as raw bytes: read, shortened and added to, the rest untouched."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.utils import format_datetime, getaddresses

from ..replies import SMTP_BACK, SMTP_FRONT

_HEADER_END = re.compile(rb"\r?\n\r?\n")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*(?:\r?\n[ \t].*)*)(?:\r?\n|\Z)")
_FOLD = re.compile(r"\r?\n(?=[ \t])")
_ID = re.compile(r"<[^<>\s]+>")


def split(content: bytes) -> tuple[bytes, bytes]:
    """Return the header, its last line break included, and the rest with the empty line.

    What does not begin with a field has no header: all of it is the body.
    """
    if content.startswith((b"\r\n", b"\n")):
        return b"", content
    if not _FIELD.match(content):
        return b"", b"\r\n" + content
    found = _HEADER_END.search(content)
    if found is None:
        return content if content.endswith(b"\n") else content + b"\r\n", b"\r\n"
    first_break = content.index(b"\n", found.start()) + 1
    return content[:first_break], content[first_break:]


def fields(content: bytes) -> Iterator[tuple[str, str]]:
    """Return each field's name in lower case and its unfolded value, undecoded."""
    for found in _FIELD.finditer(split(content)[0]):
        value = _FOLD.sub("", found[2].decode("utf-8", "replace"))
        yield found[1].decode("ascii").lower(), value.strip()


def value(content: bytes, name: str) -> str:
    """Return the first field of this name; empty without one."""
    return next((held for field, held in fields(content) if field == name.lower()), "")


def text(content: bytes, name: str) -> str:
    """Return the first field of this name with its encoded-words decoded."""
    raw = value(content, name)
    try:
        return str(make_header(decode_header(raw)))
    except (ValueError, LookupError):
        return raw


def addresses(content: bytes, *names: str) -> list[str]:
    """Return the addresses in the fields of these names."""
    wanted = {name.lower() for name in names}
    held = [held for field, held in fields(content) if field in wanted]
    return [address for _, address in getaddresses(held) if "@" in address]


def message_ids(content: bytes, *names: str) -> list[str]:
    """Return the message ids in the fields of these names, in their order there."""
    return [found for name in names for found in _ID.findall(value(content, name))]


def without(content: bytes, name: str) -> bytes:
    """Return the message without the fields of this name."""
    header, body = split(content)
    wanted = name.lower().encode()
    return _FIELD.sub(lambda m: b"" if m[1].lower() == wanted else m[0], header) + body


def completed(content: bytes) -> bytes:
    """Return the message with a Date and a Message-ID, added where they are missing."""
    present = {name for name, _ in fields(content)}
    added = ""
    if "date" not in present:
        added += f"Date: {now()}\r\n"
    if "message-id" not in present:
        added += f"Message-ID: {new_message_id()}\r\n"
    return inserted(content, added) if added else content


def inserted(content: bytes, lines: str) -> bytes:
    """Return the message with further fields at the end of its header."""
    header, body = split(content)
    return header + lines.encode() + body


def received(client: str, address: str) -> bytes:
    """Return the trace field of a submission (RFC 5321, 4.4)."""
    return (
        f"Received: from {client} ({address}) by {SMTP_BACK} ({SMTP_FRONT}) with Microsoft\r\n"
        f" SMTP Server (version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.20.9000.1;\r\n"
        f" {now()}\r\n"
    ).encode()


def now() -> str:
    """Return the present time as a Date field has it."""
    return format_datetime(datetime.now(UTC))


def new_message_id() -> str:
    """Return a Message-ID as Exchange Online makes them."""
    return f"<{uuid.uuid4().hex.upper()[:24]}@{SMTP_BACK}>"
