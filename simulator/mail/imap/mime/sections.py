"""The text of a section: BODY[…] of RFC 3501, 6.4.5. Every answer is a slice of the message."""

from collections.abc import Iterable
from dataclasses import dataclass

from .header import Field, fields
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
    return _of_header(content[:end], section)


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
    return _joined(f for f in fields(header) if (f.name.lower() in section.names) is wanted)


def _joined(found: Iterable[Field]) -> bytes:
    return b"".join(field.raw for field in found) + b"\r\n"


def _found(root: Part, path: tuple[int, ...]) -> Part | None:
    """Return the part that numbers lead to.

    A message that is no multipart has one part, its body, with the number 1.
    """
    part, container = root, _container(root, is_message=True)
    for number in path:
        if container is None or number > len(container):
            return None
        part = container[number - 1]
        container = _container(part, is_message=False)
    return part


def _container(part: Part, *, is_message: bool) -> list[Part] | None:
    """Return the parts that are numbered in a part or, if it `is_message`, in a message."""
    if part.is_multipart:
        return part.children
    if is_message:
        return [part]
    if part.is_message and part.children:
        return _container(part.children[0], is_message=True)
    return None
