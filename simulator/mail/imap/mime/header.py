"""The fields of a header, as ranges of the message."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NEWLINE = re.compile(rb"\r?\n")
_BLANK = b" \t"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its name, its value from the first character on, and its raw lines."""

    name: bytes
    value: bytes
    raw: bytes

    def is_named(self, name: bytes) -> bool:
        """Return whether this is the field's name; letters in any case."""
        return self.name.lower() == name


def fields(header: bytes) -> Iterator[Field]:
    """Yield the fields of a header up to its empty line; lines without a colon are names."""
    at = 0
    while at < len(header):
        end = _end_of_field(header, at)
        raw = header[at:end]
        if raw in (b"\r\n", b"\n"):
            return
        yield _field(raw)
        at = end


def _end_of_field(header: bytes, at: int) -> int:
    """Return where a field with its continuation lines ends."""
    while (end := header.find(b"\n", at) + 1) > 0:
        if header[end : end + 1] not in (b" ", b"\t"):
            return end
        at = end
    return len(header)


def _field(raw: bytes) -> Field:
    name, colon, value = raw.partition(b":")
    if not colon or b"\n" in name:
        return Field(_NEWLINE.split(raw, 1)[0], b"", raw)
    value = value.removesuffix(b"\n").removesuffix(b"\r")
    return Field(name.rstrip(_BLANK), value.lstrip(_BLANK), raw)
