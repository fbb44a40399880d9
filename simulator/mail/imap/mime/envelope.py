"""ENVELOPE (RFC 3501, 7.4.2): dates and subjects as they were written, undecoded."""

from collections.abc import Iterable
from itertools import islice

from .addresses import MOST, Address, addresses
from .header import Field
from .strings import NIL, collapsed, nstring, string, unfolded

_SHOWN = frozenset(
    b"date subject from sender reply-to to cc bcc in-reply-to message-id".split(),
)


def envelope(found: Iterable[Field]) -> bytes:
    """Return the envelope of a message with these header fields."""
    values: dict[bytes, list[bytes]] = {}
    for field in found:
        if (name := field.name.lower()) in _SHOWN:
            values.setdefault(name, []).append(field.value)
    sender = _addresses(values, b"from")
    parts = [
        _text(values, b"date"),
        _subject(values),
        sender,
        *(_addresses(values, name) or sender for name in (b"sender", b"reply-to")),
        *(_addresses(values, name) for name in (b"to", b"cc", b"bcc")),
        _text(values, b"in-reply-to"),
        _text(values, b"message-id"),
    ]
    return b"(%b)" % b" ".join(part or NIL for part in parts)


def _text(values: dict[bytes, list[bytes]], name: bytes) -> bytes:
    """Return the last field of a name in one line."""
    return nstring(unfolded(values[name][-1]) if name in values else None)


def _subject(values: dict[bytes, list[bytes]]) -> bytes:
    return nstring(collapsed(values[b"subject"][-1]) if b"subject" in values else None)


def _addresses(values: dict[bytes, list[bytes]], name: bytes) -> bytes:
    """Return the addresses of all fields of a name; nothing if there are none."""
    listed = (address for value in values.get(name, ()) for address in addresses(value))
    found = list(islice(listed, MOST))
    return b"(%b)" % b"".join(map(_address, found)) if found else b""


def _address(address: Address) -> bytes:
    name = NIL if address.name is None else string(collapsed(address.name))
    rest = (address.route, address.mailbox, address.domain)
    return b"(%b)" % b" ".join([name, *map(nstring, rest)])
