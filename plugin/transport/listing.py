"""LIST answers as folders, whatever a server sends: pure. `folders` decides what they are for.

Names are read one by one: one that is no modified UTF-7 (RFC 3501, 5.1.3) is marked and shown
as it came, and spoils no other.
"""

from __future__ import annotations

import logging
import re
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, AnyStr, NamedTuple, TypeAlias

from ..wire.deadline import TooMuchDataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

log = logging.getLogger(__name__)

#: Folders that are taken from one list; Exchange allows a mailbox 10,000 below any one folder.
MAX_FOLDERS = 20_000
#: Names in the paths of one list together: ten levels for each folder.
_MOST_NAMES = 10 * MAX_FOLDERS
#: Bytes of a path, and its levels, that are read. RFC 7162, section 4, has commands of 8,192 bytes,
#: and Exchange trees of 300 levels.
_LONGEST_PATH, _MOST_LEVELS = 8_000, 300
#: Attributes of a folder that are read; RFC 3501, 5258 and 6154 know 18, half of them for special
#: folders, which are for one thing only.
_MOST_ATTRIBUTES = 16
#: What imaplib makes of an untagged answer: a line, or a line that ends in a literal, with it.
Answer: TypeAlias = "bytes | tuple[bytes, bytes] | None"

#: The ordinary line: attributes, a delimiter, a name without escapes, in quotes or without.
_PLAIN = re.compile(rb'\(([^()]*)\) "([^\r\n"\\])" (?:"([^"\\]*)"|([^\s"\\]+))')
_LINE = re.compile(rb'\(([^()]*)\) +(NIL|"(?:\\?[^\r\n])?") +(.*)', re.DOTALL | re.IGNORECASE)
#: One attribute: some servers put no space between two.
_ATTRIBUTE = re.compile(rb"\\?[^\s\\]+")
#: What may follow a name (RFC 5258 and RFC 9051): extended data, such as the folder's old name.
_EXTENDED = re.compile(rb' +\((?:"[A-Za-z0-9-]+"|[A-Z0-9-]+) .*', re.DOTALL)
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MODIFIED_UTF7 = re.compile(rb"(?:[\x20-\x25\x27-\x7e]|&[A-Za-z0-9+,]*-)*")
_UNSENDABLE = re.compile("[\x00-\x1f\x7f\ufffd\ud800-\udfff]")
_NOT_SELECTABLE = frozenset({"\\noselect", "\\nonexistent"})


class ListedFolder(NamedTuple):
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
        """Whether mail can lie in it, and its name can be sent back to the server."""
        return self.attributes.isdisjoint(_NOT_SELECTABLE) and sendable(self.path)


def sendable(path: str) -> bool:
    """Return whether `path` can stand in a command: controls would end it and begin another one."""
    return bool(path) and not _UNSENDABLE.search(path)


def listed_folders(answers: Iterable[Answer]) -> tuple[ListedFolder, ...]:
    """Return the folders of one LIST, each path once, in the server's order.

    Stops beyond `MAX_FOLDERS`; one more than these is returned then, so that the cut shows.
    Raises ``TooMuchDataError`` for a tree that is deeper than any honest one.
    """
    from imapclient.imap_utf7 import decode  # noqa: PLC0415 - loaded at first use

    # The names of folders come again in the paths of all that lie below: each is read once.
    read = cache(partial(_read, decode=decode))
    folders: dict[str, ListedFolder] = {}
    attributes: dict[bytes, frozenset[str]] = {}
    names = 0
    for flags, delimiter, name in _fields(answers):
        if flags not in attributes:
            attributes[flags] = _attributes(flags)
        folder = _folder(name, delimiter, attributes[flags], read)
        folders.setdefault(folder.path, folder)
        names += len(folder.parts)
        if names > _MOST_NAMES:
            raise TooMuchDataError("The folders lie deeper than any honest ones.")
        if len(folders) > MAX_FOLDERS:
            break
    return tuple(folders.values())


def _fields(answers: Iterable[Answer]) -> Iterator[tuple[bytes, str | None, bytes]]:
    """Yield attributes, delimiter and raw name of each answer that is one."""
    after_literal, ignored = False, 0
    for answer in answers:
        if isinstance(answer, bytes) and (plain := _PLAIN.fullmatch(answer)):
            flags, delimiter, quoted, bare = plain.groups()
            yield flags, delimiter.decode("latin-1"), bare if quoted is None else quoted
            after_literal = False
            continue
        head, literal = answer if isinstance(answer, tuple) else (answer, None)
        found = _LINE.fullmatch(head) if head else None
        if found is not None:
            name = literal if literal is not None else _name(found[3])
            yield found[1], _delimiter(found[2]), name
        elif head and not after_literal:
            ignored += 1
        # imaplib gives what follows a literal in its line as an answer of its own.
        after_literal = literal is not None
    if ignored:
        # Logged once: a line each would flood the log.
        log.warning("ignored %d malformed LIST lines", ignored)


def _attributes(flags: bytes) -> frozenset[str]:
    words = islice(_ATTRIBUTE.finditer(flags), _MOST_ATTRIBUTES)
    return frozenset(word[0].decode("ascii", "replace").lower() for word in words)


def _delimiter(field: bytes) -> str | None:
    return None if field.upper() in {b"NIL", b'""'} else field[-2:-1].decode("latin-1")


def _name(field: bytes) -> bytes:
    # Longer names are cut: unescaping them would cost memory.
    field = field[: 2 * _LONGEST_PATH + 2]
    quoted = _QUOTED.match(field)
    if quoted is None:
        return _EXTENDED.sub(b"", field, count=1).strip()
    return _ESCAPED.sub(rb"\1", quoted[1]) if b"\\" in quoted[1] else quoted[1]


def _folder(
    name: bytes,
    delimiter: str | None,
    attributes: frozenset[str],
    read: Callable[[bytes], tuple[str, bool]],
) -> ListedFolder:
    if len(name) > _LONGEST_PATH:
        # The mark makes it a path that cannot be said: cut, it may be another folder's.
        path = name[:_LONGEST_PATH].decode("utf-8", "replace") + "\ufffd"
        return ListedFolder(path, (path,), delimiter, attributes, malformed=True)
    path = name.decode("utf-8", "replace")
    if b"&" not in name and path.isascii() and path.isprintable():
        parts = path.split(delimiter, _MOST_LEVELS) if delimiter else [path]
        return ListedFolder(path, tuple(_named(parts)), delimiter, attributes)
    # A delimiter inside a part is encoded, so the parts are parted before they are decoded.
    raw = name.split(delimiter.encode("latin-1"), _MOST_LEVELS) if delimiter else [name]
    names = [read(part) for part in _named(raw)]
    malformed = any(bad for _, bad in names)
    return ListedFolder(path, tuple(text for text, _ in names), delimiter, attributes, malformed)


def _named(parts: list[AnyStr]) -> list[AnyStr]:
    """Leave out the empty names that a delimiter at the beginning or the end of a path makes."""
    while len(parts) > 1 and not parts[0]:
        parts = parts[1:]
    while len(parts) > 1 and not parts[-1]:
        parts = parts[:-1]
    return parts


def _read(part: bytes, decode: Callable[[bytes], str]) -> tuple[str, bool]:
    """Return one name's text, and whether it is malformed."""
    if b"&" not in part and part.isascii() and (text := part.decode("ascii")).isprintable():
        return text, False
    if _MODIFIED_UTF7.fullmatch(part):
        try:
            text = decode(part)
            text.encode()  # half a surrogate pair is no character
        except UnicodeError:
            pass
        else:
            return text, False
    return part.decode("utf-8", "replace"), True
