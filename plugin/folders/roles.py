"""Which listed folder is for which role: by the server's attribute, else by its name. Pure.

Where neither says it, nothing is guessed: mail filed in a wrong folder is worse than a question.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ...schemas.folders import Role
from ...schemas.text_forms import normalised

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from ..transport.listing import ListedFolder

#: RFC 6154; read whether or not the server announces SPECIAL-USE, which Exchange does not.
_ATTRIBUTES: Mapping[Role, str] = {
    Role.SENT: "\\sent",
    Role.DRAFTS: "\\drafts",
    Role.JUNK: "\\junk",
    Role.TRASH: "\\trash",
    Role.ARCHIVE: "\\archive",
}
_SPECIAL = frozenset(_ATTRIBUTES.values())
#: Folders with well-known names lie at the top, or right below INBOX or a namespace's prefix.
_DEEPEST = 2
#: Characters that a well-known name may have, in any spelling; the longest has some 25.
_LONGEST_KNOWN = 120


def suggest(listed: Iterable[ListedFolder]) -> dict[Role, tuple[ListedFolder, str]]:
    """Return a folder per role, and why: ``attribute`` or ``name``. No folder gets two roles."""
    every = [folder for folder in listed if folder.selectable and not folder.malformed]
    # What lies deeper than well-known names do must have an attribute to be found at all.
    offered = [f for f in every if len(f.parts) <= _DEEPEST or f.attributes & _SPECIAL]
    offered.sort(key=lambda folder: (len(folder.parts), folder.parts, folder.path))
    roots = {folder.parts[0] for folder in every if not is_inbox(folder.path)}
    found: dict[Role, tuple[ListedFolder, str]] = {}
    if inbox := next((folder for folder in offered if is_inbox(folder.path)), None):
        found[Role.INBOX] = inbox, "name"
    for role, attribute in _ATTRIBUTES.items():
        for folder in offered:
            if attribute in folder.attributes and not _is_taken(folder, found):
                found[role] = folder, "attribute"
                break
    for role, folder in _by_name(offered, roots, found.keys()):
        if not _is_taken(folder, found):
            found[role] = folder, "name"
    return found


def is_inbox(path: str) -> bool:
    """Return whether `path` is INBOX, the one name whose case does not matter (RFC 3501, 5.1)."""
    return len(path) == len("INBOX") and path.isascii() and path.upper() == "INBOX"


def _is_taken(folder: ListedFolder, found: Mapping[Role, tuple[ListedFolder, str]]) -> bool:
    return any(folder.path == other.path for other, _ in found.values())


def _by_name(
    offered: Sequence[ListedFolder], roots: Collection[str], have: Iterable[Role]
) -> Iterator[tuple[Role, ListedFolder]]:
    """Yield folders with well-known names, for the roles that are still without one.

    Two names can fit (`Entwürfe` and a client's `Drafts`): the language that the most of the
    mailbox's folders speak goes first, then the language's current name.
    """
    by_name: dict[str, ListedFolder] = {}
    for folder in _near_the_root(offered, roots):
        by_name.setdefault(_squeezed(folder.parts[-1]), folder)
    languages = sorted(_names().values(), key=lambda names: -_spoken(names, by_name))
    for role in [role for role in _ATTRIBUTES if role not in set(have)]:
        fitting = (by_name[n] for names in languages for n in names[role] if n in by_name)
        if (fit := next(fitting, None)) is not None:
            yield role, fit


def _near_the_root(
    offered: Sequence[ListedFolder], roots: Collection[str]
) -> Iterator[ListedFolder]:
    """Yield the folders at the top, then those right below INBOX or below a namespace's prefix."""
    yield from (folder for folder in offered if len(folder.parts) == 1)
    for folder in offered:
        if len(folder.parts) == _DEEPEST and (is_inbox(folder.parts[0]) or len(roots) == 1):
            yield folder


def _spoken(names: Mapping[Role, tuple[str, ...]], by_name: Mapping[str, ListedFolder]) -> int:
    """Count the roles whose current name in this language is there."""
    return sum(current[0] in by_name for current in names.values())


@cache
def _names() -> Mapping[str, Mapping[Role, tuple[str, ...]]]:
    """Return the well-known names by language and role, squeezed."""
    text = files(__package__).joinpath("folder_names.toml").read_text(encoding="utf-8")
    return {
        language: {Role(role): tuple(map(_squeezed, names)) for role, names in roles.items()}
        for language, roles in tomllib.loads(text).items()
    }


def _squeezed(name: str) -> str:
    """Return a name's letters and digits without their case; a long one as it is."""
    if len(name) > _LONGEST_KNOWN:
        return name
    folded = normalised("NFKC", normalised("NFKC", name).casefold())
    return "".join(filter(str.isalnum, folded))
