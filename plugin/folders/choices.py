"""Default folder mappings: the dropdowns, what is wrong with a stored mapping, a new one. Pure.

The caller asks the server, in three steps: `listed = session.folders()`, then
`session.uid_validities(paths_to_ask(listed, mapped))`, then `folder_choices` with both. That is
one LIST and one flight of a few STATUS commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from marshmallow import ValidationError

from ...schemas.folders import ROLE_LABELS, FolderChoices, MappedFolder, Role, RoleChoice
from ..findings.catalogue import text
from ..findings.wording import problem
from ..transport.listing import MAX_FOLDERS, ListedFolder
from .roles import is_inbox, suggest
from .tree import joined, readable, tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from ...schemas.problem import Problem

__all__ = ["folder_choices", "map_folders", "paths_to_ask", "paths_to_map", "suggest"]

#: STATUS commands at most, those for the six roles included.
MOST_ASKED = 40


def folder_choices(
    account_id: str,
    listed: Sequence[ListedFolder],
    mapped: Sequence[MappedFolder],
    uid_validities: Mapping[str, int | None],
) -> FolderChoices:
    """Return the dropdowns with suggestions, and what is wrong with each stored mapping.

    `uid_validities` are the server's answers for `paths_to_ask`; a path that was not asked for
    raises no suspicion. Never raises, whatever the names are.
    """
    taken = _unique(listed)
    cut = len(taken) > MAX_FOLDERS
    folders = dict(list(taken.items())[:MAX_FOLDERS])
    stored = {mapping.role: mapping for mapping in mapped}
    check = _Check(taken, stored, uid_validities, may_be_cut=cut)
    suggested = suggest(folders.values())
    return FolderChoices(
        account_id=account_id,
        folders=tuple(tree(folders.values())),
        roles=tuple(
            check.role(role, stored.get(role), *suggested.get(role, (None, ""))) for role in Role
        ),
        hint=text("folders.cut", count=f"{MAX_FOLDERS:,}") if cut else "",
    )


def paths_to_ask(listed: Sequence[ListedFolder], mapped: Sequence[MappedFolder]) -> list[str]:
    """Return the paths whose UIDVALIDITY `folder_choices` needs, `MOST_ASKED` at most.

    These are the mapped folders that are still listed. Where one has vanished, also the folders
    that it may have become: moved elsewhere under its name, or renamed where it was.
    """
    if not mapped:
        return []
    folders = _unique(listed)
    known = {_key(mapping.path) for mapping in mapped}
    asked = [folders[_key(m.path)].path for m in mapped if _key(m.path) in folders]
    vanished = [m.path for m in mapped if _key(m.path) not in folders]
    candidates = [f for key, f in folders.items() if key not in known and f.selectable]
    for place in (2, 0):  # its name elsewhere, then its neighbours
        asked += [
            folder.path
            for folder in candidates
            if any(
                _parted(folder.path, folder.delimiter)[place]
                == _parted(path, folder.delimiter)[place]
                for path in vanished
            )
        ]
    return list(dict.fromkeys(asked))[:MOST_ASKED]


def paths_to_map(listed: Sequence[ListedFolder], mapping: Mapping[Role, str]) -> list[str]:
    """Return the paths whose UIDVALIDITY `map_folders` needs: those that are there to be chosen."""
    folders = _unique(listed)
    chosen = (folders.get(_key(path)) for path in mapping.values())
    return list(dict.fromkeys(f.path for f in chosen if f is not None and f.selectable))


def map_folders(
    mapping: Mapping[Role, str],
    listed: Sequence[ListedFolder],
    uid_validities: Mapping[str, int | None],
    *,
    chosen_by: str,
    chosen_at: datetime,
) -> tuple[MappedFolder, ...]:
    """Return the mapping to store; `uid_validities` are those of the chosen paths.

    Raises ``ValidationError`` with messages per role for folders that are not there, cannot
    hold mail, or serve two roles.
    """
    folders, validities = _unique(listed), _by_key(uid_validities)
    chosen = {role: folders.get(_key(path)) for role, path in mapping.items()}
    problems = {
        role.value: [words]
        for role, folder in chosen.items()
        if (words := _refusal(role, folder, chosen, validities))
    }
    if problems:
        raise ValidationError(problems)
    return tuple(
        MappedFolder(
            role=role,
            path=folder.path,
            full_label=joined(folder.parts),
            uid_validity=validities[_key(folder.path)] or 0,
            chosen_by=chosen_by,
            chosen_at=chosen_at,
        )
        for role, folder in chosen.items()
        if folder is not None
    )


def _refusal(
    role: Role,
    folder: ListedFolder | None,
    chosen: Mapping[Role, ListedFolder | None],
    validities: Mapping[str, int | None],
) -> Problem | None:
    """Return why `folder` cannot serve `role`; None if it can."""
    if folder is None:
        return problem("not_there", "folders")
    if not folder.selectable:
        return problem("holds_no_mail", "folders")
    others = [ROLE_LABELS[r] for r, f in chosen.items() if f == folder and r is not role]
    if others:
        names = " and ".join(others)
        return problem("chosen_twice", "folders", roles=names)
    if validities.get(_key(folder.path)) is None:
        return problem("gone_meanwhile", "folders")
    return None


class _Check:
    """Holds stored mappings against what the server says now."""

    def __init__(
        self,
        folders: Mapping[str, ListedFolder],
        stored: Mapping[Role, MappedFolder],
        uid_validities: Mapping[str, int | None],
        *,
        may_be_cut: bool,
    ) -> None:
        self._folders = folders
        self._known = {_key(mapping.path) for mapping in stored.values()}
        self._validities = _by_key(uid_validities)
        self._may_be_cut = may_be_cut

    def role(
        self,
        role: Role,
        mapping: MappedFolder | None,
        suggested: ListedFolder | None,
        reason: str,
    ) -> RoleChoice:
        """Return one dropdown."""
        problem, words = "", ""
        if mapping is not None:
            problem, moved = self._problem(mapping)
            suggested, reason = (moved, "") if moved else (suggested, reason)
            words = _problem_text(problem, mapping, suggested)
        return RoleChoice(
            role=role,
            label=ROLE_LABELS[role],
            mapped=mapping.path if mapping else None,
            suggested=suggested.path if suggested else None,
            reason=reason,
            problem=problem,
            problem_text=words,
        )

    def _problem(self, mapping: MappedFolder) -> tuple[str, ListedFolder | None]:
        folder = self._folders.get(_key(mapping.path))
        if folder is None:
            moved = self._moved(mapping)
            # In a list that was cut, a folder that does not stand in it need not have gone.
            return "renamed" if moved else "" if self._may_be_cut else "vanished", moved
        now = self._validities.get(_key(folder.path), mapping.uid_validity)
        if now is None:
            return "vanished", None
        return "" if now == mapping.uid_validity else "replaced", None

    def _moved(self, mapping: MappedFolder) -> ListedFolder | None:
        """Return the only folder with the vanished one's UIDVALIDITY, unless it is mapped.

        Servers may give one value to many folders (RFC 3501 asks for it to be unique per name
        only), so a value that two folders have says nothing.
        """
        wanted = mapping.uid_validity
        same = [key for key, validity in self._validities.items() if validity == wanted]
        if len(same) != 1 or same[0] in self._known:
            return None
        folder = self._folders.get(same[0])
        return folder if folder is not None and folder.selectable else None


def _problem_text(problem: str, mapping: MappedFolder, suggested: ListedFolder | None) -> str:
    label = readable(mapping.full_label)
    if problem == "renamed" and suggested is not None:
        return text("folders.renamed", label=label, new=joined(suggested.parts))
    return text(f"folders.{problem}", label=label) if problem else ""


def _unique(listed: Iterable[ListedFolder]) -> dict[str, ListedFolder]:
    """Return the folders by what tells them apart; of equal ones the first."""
    folders: dict[str, ListedFolder] = {}
    for folder in listed:
        folders.setdefault(_key(folder.path), folder)
    return folders


def _by_key(uid_validities: Mapping[str, int | None]) -> dict[str, int | None]:
    return {_key(path): validity for path, validity in uid_validities.items()}


def _parted(path: str, delimiter: str | None) -> tuple[str, str, str]:
    """Return what is above the last name, the delimiter, and that name."""
    return path.rpartition(delimiter) if delimiter else ("", "", path)


def _key(path: str) -> str:
    return "INBOX" if is_inbox(path) else path
