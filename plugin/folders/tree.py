"""Listed folders as the lines of a dropdown: in tree order, with readable labels. Pure."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from ...schemas.folders import FolderChoice
from ...schemas.text_forms import normalised
from ..findings.redact import printable
from .roles import is_inbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ..transport.listing import ListedFolder

    NameKey: TypeAlias = tuple[int, str, str]
    Key: TypeAlias = tuple[NameKey, ...]

#: Characters of one name, and of a whole path, that are shown.
_LONGEST_NAME, _LONGEST_LABEL = 120, 400
#: Characters of one name that are looked at: a path of 8,000 may hold nothing that prints.
_LOOKED_AT = 1000
_SEPARATOR = " / "
_NAMELESS = "(no name)"


def tree(folders: Iterable[ListedFolder]) -> Iterator[FolderChoice]:
    """Yield the choices: parents before their children, INBOX first, case making no difference.

    A folder whose parent is not in the list stands below the next ancestor that is, with both
    names in its label.
    """
    # The names of folders come again in the paths of all that lie below: each is read once.
    key_of, text_of = cache(_name_key), cache(readable)
    ancestors: list[Key] = []
    keyed = sorted((_key(folder.parts, key_of), folder.path, folder) for folder in folders)
    for key, path, folder in keyed:
        while ancestors and (
            len(ancestors[-1]) >= len(key) or key[: len(ancestors[-1])] != ancestors[-1]
        ):
            ancestors.pop()
        above = len(ancestors[-1]) if ancestors else 0
        names = [text_of(name) for name in folder.parts]
        yield FolderChoice(
            path=path,
            label=_joined(names[above:]),
            full_label=_joined(names),
            depth=len(ancestors),
            selectable=folder.selectable,
            malformed=folder.malformed,
        )
        ancestors.append(key)


def joined(parts: Sequence[str]) -> str:
    """Return a path as a person may read it."""
    return _joined(map(readable, parts))


def _joined(names: Iterable[str]) -> str:
    return _cut(_SEPARATOR.join(names) or _NAMELESS, _LONGEST_LABEL)


def readable(name: str) -> str:
    """Return a name without what does not print, of a bearable length."""
    name = name[:_LOOKED_AT]
    if not name.isprintable() or name != name.strip() or "  " in name:
        name = " ".join(printable(name).split())
    return _cut(name or _NAMELESS, _LONGEST_NAME)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _key(parts: Sequence[str], key_of: Callable[[str], NameKey]) -> Key:
    first, *below = parts or ("",)
    top = (0, "", "") if is_inbox(first) else key_of(first)
    return (top, *map(key_of, below))


def _name_key(name: str) -> NameKey:
    return 1, _folded(name), name


def _folded(name: str) -> str:
    """Return the form that orders names: Ä beside a, not behind z. By what is shown of it."""
    return (
        normalised("NFKD", name[:_LONGEST_NAME].casefold()) if not name.isascii() else name.lower()
    )
