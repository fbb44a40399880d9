"""The tenant's mailboxes: their folders, and what Exchange files in them by itself.

UIDVALIDITY is derived from mailbox, folder and generation (how often a folder of that name was
replaced), so that it is the same after a restart. Messages do not outlive one; each opening of
the mailboxes gives UIDs from a range of its own, so that no UID is given twice under one
UIDVALIDITY (RFC 9051, 2.3.1.1). A mailbox is filled when it is first used.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping

from ..state import StateDirectory
from .folders import Folder, Message
from .people import PEOPLE, Person
from .policies import Policies
from .seed import first_folders, first_messages

#: how many UIDs a folder may give between two openings; 32 bit hold 42,000 openings
_UIDS_OF_AN_OPENING = 100_000
#: the roles that Exchange names in LIST; the archive is not among them
_ADVERTISED = ("Sent", "Drafts", "Trash", "Junk")
INBOX = "INBOX"
#: path, role, and UIDVALIDITY unless it is still to be derived
Kept = tuple[str, str | None, int | None]


class Mailbox:
    """One mailbox's folders by path; `/` separates levels.

    `changed` is called when the tree of folders has changed.
    """

    def __init__(
        self,
        person: Person,
        policies: Policies,
        generations: dict[str, int],
        changed: Callable[["Mailbox"], None],
        last_uid: int,
    ) -> None:
        self.address = person.address
        self.last_uid = last_uid
        self.unsubscribed: set[str] = set()
        self._layout = person.layout
        self._policies = policies
        self._generations = generations
        self._changed = changed
        self._folders: dict[str, Folder] = {INBOX: self._new_folder(INBOX, None)}

    def _new_folder(self, path: str, role: str | None, validity: int | None = None) -> Folder:
        return Folder(self._validity(path) if validity is None else validity, role)

    def _validity(self, path: str) -> int:
        key = f"{self.address}/{path}"
        return zlib.crc32(f"{key}#{self._generations.get(key, 0)}".encode()) | 1

    def begin(self, folders: Iterable[Kept]) -> None:
        """Take over the folders of a new mailbox or of an earlier run."""
        for path, role, validity in folders:
            self._folders[path] = self._new_folder(path, role, validity)

    def kept(self) -> list[Kept]:
        """Return what `begin` needs."""
        return [
            (path, found.role, found.uid_validity)
            for path, found in self._folders.items()
            if path != INBOX
        ]

    @property
    def folders(self) -> Mapping[str, Folder]:
        """Every folder by its path, INBOX first."""
        return self._folders

    def find(self, path: str) -> Folder:
        """Return a folder; INBOX in any case of letters. Raises KeyError."""
        return self._folders[canonical(path)]

    def create(self, path: str) -> Folder:
        """Create a folder and those above it. Raises ValueError if it exists."""
        path = canonical(path)
        if path in self._folders:
            raise ValueError(path)
        self._make(path)
        self._changed(self)
        return self._folders[path]

    def _make(self, path: str) -> None:
        """Make a folder and those above it, as far as they are missing."""
        names = path.split("/")
        for depth in range(1, len(names) + 1):
            above = "/".join(names[:depth])
            if above not in self._folders:
                self._folders[above] = folder = self._new_folder(above, None)
                folder.begin_uids_after(self.last_uid)

    def delete(self, path: str) -> None:
        """Delete a folder, not those inside it; the next of its name is another generation.

        Raises KeyError for one that is not there, and for INBOX.
        """
        path = canonical(path)
        if path == INBOX:
            raise KeyError(path)
        self._folders.pop(path).void()
        self._count(path)
        self._changed(self)

    def rename(self, old: str, new: str) -> None:
        """Rename a folder with those inside it; UIDVALIDITY stays.

        Raises KeyError for one that is not there and for INBOX, ValueError if `new` exists.
        """
        old, new = canonical(old), canonical(new)
        if old == INBOX or old not in self._folders:
            raise KeyError(old)
        if new in self._folders or new.startswith(f"{old}/"):
            raise ValueError(new)
        self._folders = {self._moved(path, old, new): f for path, f in self._folders.items()}
        self._make(new)
        self._changed(self)

    def _moved(self, path: str, old: str, new: str) -> str:
        if path != old and not path.startswith(f"{old}/"):
            return path
        self._count(path)
        return new + path.removeprefix(old)

    def renew(self, path: str) -> None:
        """Give a folder another UIDVALIDITY; sessions that have it open end. Raises KeyError."""
        path = canonical(path)
        folder = self._folders[path]
        self._count(path)
        folder.void(self._validity(path))
        self._changed(self)

    def _count(self, path: str) -> None:
        key = f"{self.address}/{path}"
        self._generations[key] = self._generations.get(key, 0) + 1

    def special_use(self, path: str) -> str | None:
        """Return the special use (RFC 6154) that LIST names, without its backslash."""
        role = self._folders[path].role if path in self._folders else None
        shown = self._policies.special_use and self._layout.names_special_folders
        return role if shown and role in _ADVERTISED else None

    def by_role(self, role: str) -> Folder | None:
        """Return the folder that Exchange itself uses for `role`, whatever its name."""
        return next((folder for folder in self._folders.values() if folder.role == role), None)


class Mailboxes:
    """All mailboxes of the tenant. Its coroutines run in the servers' event loop."""

    def __init__(
        self,
        policies: Policies,
        state: StateDirectory,
        people: Mapping[str, Person] = PEOPLE,
    ) -> None:
        self._policies = policies
        self._state = state
        self._people = people
        self._generations: dict[str, int] = dict(state.get("generations", {}))
        self._openings: int = state.get("openings", 0)
        self._kept: dict[str, list[Kept]] = {}
        self._open: dict[str, Mailbox] = {}

    def __getitem__(self, address: str) -> Mailbox:
        address = address.lower()
        found = self._open.get(address)
        if found is None:
            found = self._open[address] = self._filled(self._people[address])
        return found

    def __contains__(self, address: str) -> bool:
        return address.lower() in self._people

    async def open(self) -> None:
        """Begin with empty hands: mailboxes are filled as they are used."""
        self._openings += 1
        self._state.put("openings", self._openings)
        self._kept = dict(self._state.get("folders", {}))
        self._open.clear()

    def _filled(self, person: Person) -> Mailbox:
        last_uid = self._openings * _UIDS_OF_AN_OPENING
        mailbox = Mailbox(person, self._policies, self._generations, self._keep, last_uid)
        first: list[Kept] = [(path, role, None) for path, role in first_folders(person.layout)]
        mailbox.begin(self._kept.get(person.address, first))
        for content in first_messages(person):
            mailbox.folders[INBOX].append(content)
        for folder in mailbox.folders.values():
            folder.begin_uids_after(last_uid)
        return mailbox

    async def create_folder(self, mailbox: str, path: str) -> None:
        """Create a folder."""
        self[mailbox].create(path)

    async def rename_folder(self, mailbox: str, old: str, new: str) -> None:
        """Rename a folder."""
        self[mailbox].rename(old, new)

    async def delete_folder(self, mailbox: str, path: str) -> None:
        """Delete a folder."""
        self[mailbox].delete(path)

    async def renew_uid_validity(self, mailbox: str, path: str) -> None:
        """Give a folder another UIDVALIDITY, as after a repair or a move of the mailbox."""
        self[mailbox].renew(path)

    async def folders(self, mailbox: str) -> list[str]:
        """Return the paths of a mailbox's folders, INBOX first."""
        return list(self[mailbox].folders)

    async def deliver(self, mailbox: str, content: bytes, folder: str = INBOX) -> Message:
        """Put a message into a folder; sessions that have it open are told."""
        return self[mailbox].find(folder).append(content)

    async def file_as_sent(self, mailbox: str, content: bytes) -> None:
        """Put a message into the sent folder, as Exchange does with what SMTP AUTH submits."""
        sent = self[mailbox].by_role("Sent")
        if sent is not None:
            sent.append(content, ["\\Seen"])

    async def messages(self, mailbox: str, folder: str = INBOX) -> list[bytes]:
        """Return a folder's messages."""
        return [message.content for message in self[mailbox].find(folder).messages]

    def _keep(self, changed: Mailbox) -> None:
        self._kept = {**self._kept, changed.address: changed.kept()}
        self._state.put("generations", dict(self._generations))
        self._state.put("folders", self._kept)

    async def reset(self) -> None:
        """Begin again with the first folders and messages."""
        for mailbox in self._open.values():
            for folder in mailbox.folders.values():
                folder.void()
        self._generations.clear()
        self._state.put("generations", {})
        self._state.put("folders", {})
        await self.open()


def canonical(path: str) -> str:
    """Return a path with INBOX in capitals, which it is in any case of letters (RFC 9051, 5.1)."""
    first, slash, rest = path.partition("/")
    return f"{INBOX}{slash}{rest}" if first.upper() == INBOX else path
