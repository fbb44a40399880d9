"""What a FETCH asks for, and the value of each item for one message."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from ...tenant.folders import Message
from .arguments import Arguments
from .errors import BadArgumentError
from .mime.envelope import envelope
from .mime.header import fields
from .mime.sections import Section, header_end, section_of_message, section_of_part
from .mime.strings import literal, string
from .mime.structure import structure
from .mime.walker import parsed, with_crlf

#: bytes of a message from which on it is copied, and taken apart, in a thread of its own
LARGE, LARGE_TO_PARSE = 1 << 20, 1 << 14
_MACROS = {
    "ALL": "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE",
    "FAST": "FLAGS INTERNALDATE RFC822.SIZE",
    "FULL": "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY",
}
_NAME = re.compile(rb"[A-Za-z0-9.]+")
_NUMBERS = re.compile(rb"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8}){0,99}")
_PARTIAL = re.compile(rb"<([0-9]{1,10})\.([1-9][0-9]{0,9})>")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Content:
    """A message's bytes as they go over the wire, and what is derived from them."""

    def __init__(self, message: Message) -> None:
        self.message = message

    @cached_property
    def wire(self) -> bytes:
        """The message with lines that end in CRLF."""
        return with_crlf(self.message.content)

    @property
    def envelope(self) -> bytes:
        """The envelope."""
        return envelope(fields(self.wire[: header_end(self.wire)]))

    def structure(self, *, extended: bool) -> bytes:
        """Return BODYSTRUCTURE or BODY."""
        return structure(parsed(self.wire), extended=extended)

    def section(self, section: Section) -> bytes | None:
        """Return a section."""
        if section.path:
            return section_of_part(parsed(self.wire), section)
        return section_of_message(self.wire, section)


@dataclass(frozen=True)
class Item:
    """One item; `sets_seen` if fetching it marks the message as read.

    `value` is None for what the session knows: FLAGS and UID. `parses` if the message has to be
    taken apart for it.
    """

    label: bytes
    value: Callable[[Content], bytes] | None = None
    sets_seen: bool = False
    parses: bool = False

    def is_slow_for(self, message: Message) -> bool:
        """Return whether others would have to wait for this item of a message."""
        limit = LARGE_TO_PARSE if self.parses else LARGE
        return self.value is not None and len(message.content) >= limit


FLAGS, UID = Item(b"FLAGS"), Item(b"UID")


def _internal_date(content: Content) -> bytes:
    when = content.message.received
    month = _MONTHS[when.month - 1]
    return f'"{when.day:2}-{month}-{when:%Y %H:%M:%S %z}"'.encode()


def _size(content: Content) -> bytes:
    return b"%d" % len(content.wire)


_SIMPLE = {
    "FLAGS": FLAGS,
    "UID": UID,
    "INTERNALDATE": Item(b"INTERNALDATE", _internal_date),
    "RFC822.SIZE": Item(b"RFC822.SIZE", _size),
    "ENVELOPE": Item(b"ENVELOPE", lambda c: c.envelope, parses=True),
    "BODYSTRUCTURE": Item(b"BODYSTRUCTURE", lambda c: c.structure(extended=True), parses=True),
    "BODY": Item(b"BODY", lambda c: c.structure(extended=False), parses=True),
}
#: items of RFC 822's name → section, and whether fetching it marks the message as read
_OLD_NAMES = {
    "RFC822": (Section(), True),
    "RFC822.HEADER": (Section(what="HEADER"), False),
    "RFC822.TEXT": (Section(what="TEXT"), True),
}


def read_items(arguments: Arguments) -> list[Item]:
    """Read the items of a FETCH, each once. Raises BadArgumentError."""
    if not arguments.take(b"("):
        for macro, names in _MACROS.items():
            if arguments.sees(macro.encode()):
                arguments.take(macro.encode())
                return [_SIMPLE[name] for name in names.split()]
        return [_read_item(arguments)]
    items = [_read_item(arguments)]
    while not arguments.take(b")"):
        arguments.space()
        items.append(_read_item(arguments))
    return list({item.label: item for item in items}.values())


def _read_item(arguments: Arguments) -> Item:
    name = arguments.match(_NAME)[0].decode("ascii").upper()
    if name in ("BODY", "BODY.PEEK") and arguments.take(b"["):
        return _read_section(arguments, peeks=name == "BODY.PEEK")
    if name in _OLD_NAMES:
        section, sets_seen = _OLD_NAMES[name]
        return _section_item(name.encode(), section, None, sets_seen=sets_seen)
    if name not in _SIMPLE:
        raise BadArgumentError
    return _SIMPLE[name]


def _read_section(arguments: Arguments, *, peeks: bool) -> Item:
    path: tuple[int, ...] = ()
    numbers = b""
    what, shown_names, names = "", b"", list[bytes]()
    if not arguments.sees(b"]"):
        if b"1" <= arguments.peek() <= b"9":
            numbers = arguments.match(_NUMBERS)[0]
            path = tuple(map(int, numbers.split(b".")))
        if not path or arguments.take(b"."):
            what = arguments.match(_NAME)[0].decode("ascii").upper()
    _check_section(what, path)
    if what.startswith("HEADER.FIELDS"):
        names = _read_names(arguments)
        shown_names = b" (%b)" % b" ".join(names)
    arguments.expect(b"]")
    words = [part for part in (numbers, what.encode()) if part]
    label = b"BODY[%b%b]" % (b".".join(words), shown_names)
    section = Section(path, what, tuple(name.lower() for name in names))
    return _section_item(label, section, _read_partial(arguments), sets_seen=not peeks)


def _check_section(what: str, path: tuple[int, ...]) -> None:
    allowed = [
        "",
        "HEADER",
        "TEXT",
        "HEADER.FIELDS",
        "HEADER.FIELDS.NOT",
        *(["MIME"] if path else []),
    ]
    if what not in allowed:
        raise BadArgumentError


def _read_names(arguments: Arguments) -> list[bytes]:
    arguments.space()
    arguments.expect(b"(")
    names = [arguments.astring()]
    while not arguments.take(b")"):
        arguments.space()
        names.append(arguments.astring())
    return names


def _read_partial(arguments: Arguments) -> tuple[int, int] | None:
    if not arguments.sees(b"<"):
        return None
    found = arguments.match(_PARTIAL)
    return int(found[1]), int(found[2])


def _section_item(
    label: bytes, section: Section, partial: tuple[int, int] | None, *, sets_seen: bool
) -> Item:
    def value(content: Content) -> bytes:
        found = content.section(section)
        if found is None:
            return string(b"")
        return literal(found if partial is None else found[partial[0] : sum(partial)])

    shown = label if partial is None else b"%b<%d>" % (label, partial[0])
    return Item(shown, value, sets_seen, parses=bool(section.path or section.names))
