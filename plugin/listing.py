"""LIST answers as folders, whatever a server sends: pure. What they are for is `folders`' job.

Names are read one by one: one that is no modified UTF-7 (RFC 3501, 5.1.3) is marked and shown
as it came, and spoils no other.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

log = logging.getLogger(__name__)

#: Folders that are taken from one list; Exchange allows a mailbox 10,000 below any one folder.
MAX_FOLDERS = 20_000
#: What imaplib makes of an untagged answer: a line, or a line that ends in a literal, with it.
Answer: TypeAlias = "bytes | tuple[bytes, bytes] | None"

_LINE = re.compile(rb'\(([^()]*)\) (NIL|"\\?[^\r\n]") (.*)', re.DOTALL | re.IGNORECASE)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MODIFIED_UTF7 = re.compile(rb"(?:[\x20-\x25\x27-\x7e]|&[A-Za-z0-9+,]*-)*")
_UNSPEAKABLE = re.compile("[\x00-\x1f\x7f\ufffd\ud800-\udfff]")
_NOT_SELECTABLE = frozenset({"\\noselect", "\\nonexistent"})


@dataclass(frozen=True, slots=True)
class ListedFolder:
    """One folder of a LIST answer.

    `path` is its name on the wire, `parts` the readable names from the root to it; `delimiter` is
    None in a mailbox without a tree. `attributes` are in lower case, with their backslash. A
    `malformed` name has a part that could not be decoded and stands there as it came.
    """

    path: str
    parts: tuple[str, ...]
    delimiter: str | None
    attributes: frozenset[str]
    malformed: bool = False

    @property
    def selectable(self) -> bool:
        """Whether mail can lie in it, and its name can be said back to the server."""
        return self.attributes.isdisjoint(_NOT_SELECTABLE) and speakable(self.path)


def speakable(path: str) -> bool:
    """Tell whether `path` can stand in a command: controls would end it and begin another one."""
    return bool(path) and not _UNSPEAKABLE.search(path)


def listed_folders(answers: Iterable[Answer]) -> tuple[ListedFolder, ...]:
    """Return the folders of one LIST, each path once, in the server's order.

    Stops beyond `MAX_FOLDERS`; one more than these is returned then, so that it can be told.
    """
    from imapclient.imap_utf7 import decode  # noqa: PLC0415 - loaded at first use

    folders: dict[str, ListedFolder] = {}
    attributes: dict[bytes, frozenset[str]] = {}
    for flags, delimiter, name in _fields(answers):
        if flags not in attributes:
            attributes[flags] = frozenset(flags.decode("ascii", "replace").lower().split())
        folder = _folder(name, delimiter, attributes[flags], decode)
        folders.setdefault(folder.path, folder)
        if len(folders) > MAX_FOLDERS:
            break
    return tuple(folders.values())


def _fields(answers: Iterable[Answer]) -> Iterator[tuple[bytes, str | None, bytes]]:
    """Yield attributes, delimiter and raw name of each answer that is one."""
    after_literal = False
    for answer in answers:
        head, literal = answer if isinstance(answer, tuple) else (answer, None)
        found = _LINE.fullmatch(head) if head else None
        if found is not None:
            name = literal if literal is not None else _name(found[3])
            yield found[1], _delimiter(found[2]), name
        elif head and not after_literal:
            log.warning("a line of a LIST answer was left out: it is none")
        # imaplib gives what follows a literal in its line as an answer of its own.
        after_literal = literal is not None


def _delimiter(field: bytes) -> str | None:
    return None if field.upper() == b"NIL" else field[-2:-1].decode("latin-1")


def _name(field: bytes) -> bytes:
    quoted = _QUOTED.match(field)
    if quoted is None:
        return field.strip()
    return _ESCAPED.sub(rb"\1", quoted[1]) if b"\\" in quoted[1] else quoted[1]


def _folder(
    name: bytes,
    delimiter: str | None,
    attributes: frozenset[str],
    decode: Callable[[bytes], str],
) -> ListedFolder:
    path = name.decode("utf-8", "replace")
    if b"&" not in name and path.isascii() and path.isprintable():
        parts = tuple(path.split(delimiter)) if delimiter else (path,)
        return ListedFolder(path, parts, delimiter, attributes)
    # A delimiter inside a part is encoded, so the parts are parted before they are decoded.
    raw = name.split(delimiter.encode("latin-1")) if delimiter else [name]
    read = [_read(part, decode) for part in raw]
    malformed = any(bad for _, bad in read)
    return ListedFolder(path, tuple(text for text, _ in read), delimiter, attributes, malformed)


def _read(part: bytes, decode: Callable[[bytes], str]) -> tuple[str, bool]:
    """Return one name's text, and whether it is malformed."""
    if _MODIFIED_UTF7.fullmatch(part):
        try:
            text = decode(part)
            text.encode()  # half a surrogate pair is no character
        except UnicodeError:
            pass
        else:
            return text, False
    return part.decode("utf-8", "replace"), True
