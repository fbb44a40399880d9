"""Listed folders as the lines of a dropdown: in tree order, with readable labels. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, TypeAlias

from ..schemas.folders import FolderChoice
from .diagnosis.redact import printable
from .folder_roles import is_inbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .listing import ListedFolder

    Key: TypeAlias = tuple[tuple[int, str, str], ...]

#: Characters of one name, and of a whole path, that are shown.
_LONGEST_NAME, _LONGEST_LABEL = 120, 400
_SEPARATOR = " / "
_NAMELESS = "(no name)"


def tree(folders: Iterable[ListedFolder]) -> Iterator[FolderChoice]:
    """Yield the choices: parents before their children, INBOX first, case making no difference.

    A folder whose parent is not in the list stands below the next ancestor that is, with both
    names in its label.
    """
    ancestors: list[Key] = []
    for key, folder in sorted(((_key(folder), folder) for folder in folders), key=_by_key):
        while ancestors and (
            len(ancestors[-1]) >= len(key) or key[: len(ancestors[-1])] != ancestors[-1]
        ):
            ancestors.pop()
        above = len(ancestors[-1]) if ancestors else 0
        yield FolderChoice(
            path=folder.path,
            label=joined(folder.parts[above:]),
            full_label=joined(folder.parts),
            depth=len(ancestors),
            selectable=folder.selectable,
            malformed=folder.malformed,
        )
        ancestors.append(key)


def joined(parts: Sequence[str]) -> str:
    """Return a path as a person may read it."""
    return _cut(_SEPARATOR.join(map(readable, parts)) or _NAMELESS, _LONGEST_LABEL)


def readable(name: str) -> str:
    """Return a name without what does not print, of a bearable length."""
    return _cut(" ".join(printable(name).split()) or _NAMELESS, _LONGEST_NAME)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _key(folder: ListedFolder) -> Key:
    first, *below = folder.parts or ("",)
    top = (0, "", "") if is_inbox(first) else (1, _folded(first), first)
    return (top, *((1, _folded(name), name) for name in below))


def _by_key(entry: tuple[Key, ListedFolder]) -> tuple[Key, str]:
    return entry[0], entry[1].path


def _folded(name: str) -> str:
    """Return the form that orders names: Ä beside a, not behind z."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFKD", name.casefold())
