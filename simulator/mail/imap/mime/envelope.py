"""ENVELOPE (RFC 3501, 7.4.2): dates and subjects as they were written, undecoded."""

from .addresses import Address, addresses
from .header import Field
from .strings import NIL, collapsed, nstring, string, unfolded


def envelope(found: list[Field]) -> bytes:
    """Return the envelope of a message with these header fields."""
    last = {field.name.lower(): field.value for field in found}
    sender = _addresses(last.get(b"from"))
    parts = [
        _text(last.get(b"date")),
        _subject(last.get(b"subject")),
        sender,
        _or_sender(last.get(b"sender"), sender),
        _or_sender(last.get(b"reply-to"), sender),
        *(_addresses(last.get(name)) for name in (b"to", b"cc", b"bcc")),
        _text(last.get(b"in-reply-to")),
        _text(last.get(b"message-id")),
    ]
    return b"(%b)" % b" ".join(parts)


def _text(value: bytes | None) -> bytes:
    return nstring(None if value is None else unfolded(value))


def _subject(value: bytes | None) -> bytes:
    return nstring(None if value is None else collapsed(value))


def _or_sender(value: bytes | None, sender: bytes) -> bytes:
    listed = _addresses(value)
    return sender if listed == NIL else listed


def _addresses(value: bytes | None) -> bytes:
    found = [] if value is None else addresses(value)
    return b"(%b)" % b"".join(map(_address, found)) if found else NIL


def _address(address: Address) -> bytes:
    name = NIL if address.name is None else string(collapsed(address.name))
    rest = (address.route, address.mailbox, address.domain)
    return b"(%b)" % b" ".join([name, *map(nstring, rest)])
