"""Strings of an answer: quoted where that is short, else literals (RFC 3501, 4.3)."""

import re

NIL = b"NIL"
#: more escapes than this make a literal the shorter form
_MANY_ESCAPES = 4
_NEEDS_LITERAL = re.compile(rb"[\x00\r\n\x80-\xff]")
_SPECIAL = re.compile(rb'(["\\])')
_BREAKS = re.compile(rb"[\r\n]+")
_BLANKS = re.compile(rb"[ \t]+")


def string(value: bytes) -> bytes:
    """Return a string that is equal to `value` byte for byte."""
    escapes = value.count(b'"') + value.count(b"\\")
    if escapes > _MANY_ESCAPES or _NEEDS_LITERAL.search(value):
        return literal(value)
    return b'"%b"' % (_SPECIAL.sub(rb"\\\1", value) if escapes else value)


def nstring(value: bytes | None) -> bytes:
    """Return a string, or NIL for what is missing."""
    return NIL if value is None else string(value)


def literal(value: bytes) -> bytes:
    """Return a literal; NUL, which RFC 3501 has no place for, becomes 0x80."""
    return b"{%d}\r\n%b" % (len(value), value.replace(b"\0", b"\x80"))


def unfolded(value: bytes) -> bytes:
    """Return a header's value in one line."""
    return _BREAKS.sub(b"", value)


def collapsed(value: bytes) -> bytes:
    """Return a text for people: in one line, without blanks at its ends, single ones in between."""
    return _BLANKS.sub(b" ", unfolded(value)).strip(b" ")
