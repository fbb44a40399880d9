"""The text of a section: BODY[…] of RFC 3501, 6.4.5. Every answer is a slice of the message."""

from dataclasses import dataclass

from .header import fields
from .walker import Part


@dataclass(frozen=True)
class Section:
    """A section: part numbers, then `HEADER`, `TEXT`, `MIME` … with the fields named, or nothing.

    `names` are in small letters.
    """

    path: tuple[int, ...] = ()
    what: str = ""
    names: tuple[bytes, ...] = ()


def header_end(content: bytes) -> int:
    """Return where the body of a message begins."""
    if content.startswith(b"\r\n"):
        return 2
    at = content.find(b"\r\n\r\n")
    return len(content) if at < 0 else at + 4


def section_of_message(content: bytes, section: Section) -> bytes:
    """Return a section that has no part numbers."""
    if not section.what:
        return content
    end = header_end(content)
    if section.what == "TEXT":
        return content[end:]
    found = _of_header(content[:end], section)
    # Of the whole message the empty line is always given (RFC 3501, 6.4.5).
    no_line = section.what == "HEADER.FIELDS" and not _has_empty_line(content[:end])
    return found + b"\r\n" if no_line else found


def section_of_part(root: Part, section: Section) -> bytes | None:
    """Return a section with part numbers, or None if there is no such part."""
    part = _found(root, section.path)
    if part is None:
        return None
    if section.what == "MIME":
        return part.header_bytes
    if not section.what:
        return part.body_bytes
    return _of_inner(part, section)


def _of_inner(part: Part, section: Section) -> bytes | None:
    """Return HEADER or TEXT of the message that a part of message/rfc822 contains."""
    if not part.is_message or not part.children:
        return None
    (message,) = part.children
    if section.what == "TEXT":
        return message.body_bytes
    return _of_header(message.header_bytes, section)


def _of_header(header: bytes, section: Section) -> bytes:
    if section.what == "HEADER":
        return header
    wanted = section.what == "HEADER.FIELDS"
    found = [f.raw for f in fields(header) if (f.name.lower() in section.names) is wanted]
    return b"".join([*found, b"\r\n"] if _has_empty_line(header) else found)


def _has_empty_line(header: bytes) -> bool:
    return header.endswith(b"\n\r\n") or header == b"\r\n"


def _found(root: Part, path: tuple[int, ...]) -> Part | None:
    """Return the part that numbers lead to.

    A message that is no multipart has one part, its body, with the number 1.
    """
    part, inside = root, _numbered(root)
    for number in path:
        if number > len(inside):
            return None
        was, part = part, inside[number - 1]
        among_parts = part.parent is not None and part.parent.is_multipart
        inside = _inside(part, itself=part is was or not among_parts)
    return part


def _numbered(part: Part) -> list[Part]:
    """Return the parts that have numbers in a message, or in a part that is no message."""
    return part.children if part.is_multipart else [part]


def _inside(part: Part, *, itself: bool) -> list[Part]:
    """Return the parts with numbers in a part; `itself` if it got there as its own number 1.

    A part that contains nothing is its own number 1, but only once.
    """
    if part.is_message and part.children:
        return _numbered(part.children[0])
    if part.is_multipart or not itself:
        return _numbered(part)
    return []
