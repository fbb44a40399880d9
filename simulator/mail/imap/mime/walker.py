"""Finds the parts of a message (RFC 2046): where each header and body begins and ends.

A boundary ends every part inside it; what has no boundary, no final one or no header is read as
far as it goes. Depth and number of parts are bounded, and time by size times depth.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from .header import fields
from .parameters import ContentType, content_type

#: levels and parts beyond which the rest is taken for text
DEEPEST = 100
MOST_PARTS = 10_000
_DASHES = re.compile(rb"^--", re.MULTILINE)


@dataclass
class Part:
    """A part as ranges of the message: header `start:body`, content `body:end`."""

    data: bytes = field(repr=False)
    start: int
    body: int = 0
    end: int = 0
    children: list["Part"] = field(default_factory=list)
    parent: "Part | None" = field(default=None, repr=False)

    @property
    def header_bytes(self) -> bytes:
        """The header with its empty line."""
        return self.data[self.start : self.body]

    @property
    def body_bytes(self) -> bytes:
        """What follows the header."""
        return self.data[self.body : self.end]

    @property
    def whole_bytes(self) -> bytes:
        """Header and body."""
        return self.data[self.start : self.end]

    @cached_property
    def _mime_fields(self) -> dict[bytes, bytes]:
        """The first value of each MIME field, by its name in small letters."""
        found: dict[bytes, bytes] = {}
        for field_ in fields(self.header_bytes):
            name = field_.name.lower()
            if name.startswith((b"content-", b"mime-version")):
                found.setdefault(name, field_.value)
        return found

    def value(self, name: bytes) -> bytes | None:
        """Return the value of the first MIME field of this name (in small letters)."""
        return self._mime_fields.get(name)

    @cached_property
    def is_mime(self) -> bool:
        """Whether Content-* fields count: without a sign of MIME they say nothing."""
        if self.parent is not None and not self.parent.is_message:
            return True
        return not self._mime_fields.keys().isdisjoint((b"mime-version", b"content-type"))

    @cached_property
    def content_type(self) -> ContentType | None:
        """The content type, if one is given."""
        value = self.value(b"content-type") if self.is_mime else None
        return None if value is None else content_type(value)

    @cached_property
    def is_message(self) -> bool:
        """Whether the content is a message: message/rfc822, the default in multipart/digest."""
        if self.content_type is not None:
            return self.content_type.is_type(b"message/rfc822")
        above = self.parent.content_type if self.parent is not None else None
        return above is not None and above.is_type(b"multipart/digest")

    @cached_property
    def is_multipart(self) -> bool:
        """Whether the content consists of parts."""
        kind = self.content_type
        return kind is not None and kind.is_type(b"multipart") and kind.subtype != b""

    @property
    def boundary(self) -> bytes | None:
        """What separates the parts, if the content type says it."""
        if not self.is_multipart or self.content_type is None:
            return None
        return self.content_type.parameter(b"boundary")


@dataclass(frozen=True)
class _Boundary:
    value: bytes
    owner: Part


@dataclass(frozen=True)
class _Boundaries:
    """The boundaries that may come, the innermost last."""

    known: tuple[_Boundary, ...] = ()
    values: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.known)

    def plus(self, part: "Part", value: bytes) -> "_Boundaries":
        """Return these and one of a part inside."""
        return _Boundaries((*self.known, _Boundary(value, part)), (*self.values, value))


@dataclass(frozen=True)
class _Hit:
    """A boundary's line: `end` is where the content before it ends, `after` the next line."""

    owner: Part
    end: int
    after: int | None
    final: bool


def with_crlf(content: bytes) -> bytes:
    """Return a message as it goes over the wire: every line ends in CRLF."""
    if content.count(b"\n") == content.count(b"\r\n"):
        return content
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@lru_cache(maxsize=32)
def parsed(content: bytes) -> Part:
    """Return the tree of a message whose lines end in CRLF."""
    return _Walker(content).message()


class _Walker:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._parts = 0

    def message(self) -> Part:
        root = Part(self._data, 0)
        self._part(root, _Boundaries(), 0)
        return root

    def _part(self, part: Part, boundaries: _Boundaries, depth: int) -> _Hit | None:
        """Read a part that begins at `part.start`; return the boundary that ended it."""
        self._parts += 1
        hit = self._header(part, boundaries)
        if hit is not None:
            part.end = part.body
            if part.is_message:
                _empty(_child(part, part.body))
            return hit
        may_nest = depth < DEEPEST and self._parts < MOST_PARTS
        if part.boundary is not None and may_nest and self._has_empty_line(part):
            hit = self._multipart(part, boundaries, depth)
        elif part.is_message and may_nest:
            hit = self._part(_child(part, part.body), boundaries, depth + 1)
        else:
            hit = self._find(part.body, boundaries)
        part.end = len(self._data) if hit is None else max(hit.end, part.body)
        return hit

    def _has_empty_line(self, part: Part) -> bool:
        return self._data.endswith(b"\n\r\n", part.start, part.body) or part.header_bytes == b"\r\n"

    def _header(self, part: Part, boundaries: _Boundaries) -> _Hit | None:
        """Find where the header ends: at an empty line, the end, or a boundary within it."""
        data, at = self._data, part.start
        while at < len(data):
            hit = self._boundary_line(at, part.start, boundaries)
            if hit is not None:
                part.body = hit.end
                return hit
            end = data.find(b"\n", at) + 1 or len(data)
            if data[at:end] == b"\r\n":
                part.body = end
                return self._boundary_at_once(part, boundaries)
            at = end
        part.body = len(data)
        return None

    def _boundary_at_once(self, part: Part, boundaries: _Boundaries) -> _Hit | None:
        """Return a boundary right behind the header, unless it is the part's own.

        The header's empty line belongs to it then (RFC 2046, 5.1.1).
        """
        own = part.boundary
        known = boundaries if own is None else boundaries.plus(part, own)
        hit = self._boundary_line(part.body, part.start, known)
        if hit is None or hit.owner is part:
            return None
        part.body = hit.end
        return hit

    def _multipart(self, part: Part, boundaries: _Boundaries, depth: int) -> _Hit | None:
        inside = boundaries.plus(part, part.boundary or b"")
        hit = self._find(part.body, inside)
        while hit is not None and hit.owner is part:
            if hit.after is None or self._parts >= MOST_PARTS:
                return None
            if hit.final:
                return self._find(hit.after, boundaries)
            hit = self._part(_child(part, hit.after), inside, depth + 1)
        return hit

    def _find(self, begin: int, boundaries: _Boundaries) -> _Hit | None:
        """Return the first line from `begin` on that is a boundary."""
        found = _DASHES.search(self._data, begin) if boundaries else None
        while found is not None:
            hit = self._boundary_line(found.start(), begin, boundaries)
            if hit is not None:
                return hit
            found = _DASHES.search(self._data, found.end())
        return None

    def _boundary_line(self, line: int, begin: int, boundaries: _Boundaries) -> _Hit | None:
        """Return the boundary that a line is, if it is one; the longest that fits counts."""
        data = self._data
        if not data.startswith(b"--", line) or not data.startswith(boundaries.values, line + 2):
            return None
        fitting = [b for b in reversed(boundaries.known) if data.startswith(b.value, line + 2)]
        best = max(fitting, key=lambda boundary: len(boundary.value))
        behind = line + 2 + len(best.value)
        after = data.find(b"\n", behind) + 1 or None
        end = line if line <= begin else line - 2
        return _Hit(best.owner, end, after, data.startswith(b"--", behind))


def _empty(part: Part) -> None:
    part.body = part.end = part.start


def _child(parent: Part, start: int) -> Part:
    child = Part(parent.data, start, parent=parent)
    parent.children.append(child)
    return child
