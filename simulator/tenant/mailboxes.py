"""The tenant's mailboxes: folders and messages, on pymap's in-memory backend.

UIDVALIDITY is derived from mailbox, folder and generation (how often a folder of that name was
made anew), so that it is the same after a restart. Messages do not outlive one; each opening of
the mailboxes gives UIDs from a range of its own, so that no UID is given twice under one
UIDVALIDITY (RFC 9051, 2.3.1.1).
"""

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymap.backend.dict.mailbox import MailboxData, MailboxSet
from pymap.listtree import ListEntry, ListTree
from pymap.parsing.message import AppendMessage
from pymap.parsing.specials import FetchRequirement, ObjectId
from pymap.parsing.specials.flag import Flag

from ..state import StateDirectory
from .people import PEOPLE
from .policies import Policies
from .seed import first_folders, first_messages

#: how many UIDs a folder may give between two openings; 32 bit hold 429,000 openings
_UIDS_OF_AN_OPENING = 10_000
#: Exchange names these four in LIST, and no archive
_ADVERTISED = ("Sent", "Drafts", "Trash", "Junk")
#: path, role, and UIDVALIDITY unless it is still to be derived
Kept = tuple[str, str | None, int | None]


@dataclass(frozen=True)
class SpecialEntry(ListEntry):
    """A folder in a LIST answer, with its special-use attribute (RFC 6154)."""

    special: bytes | None = None

    @property
    def attributes(self) -> list[bytes]:
        """The attributes without their backslash."""
        return [*super().attributes, *([self.special] if self.special else [])]


class SpecialTree(ListTree):
    """pymap's tree of folder names that knows special-use attributes."""

    __slots__ = ["special"]

    def __init__(self, delimiter: str, special: Mapping[str, bytes]) -> None:
        super().__init__(delimiter)
        self.special = special

    def list(self) -> Iterable[ListEntry]:
        """Return all entries."""
        for entry in super().list():
            use = self.special.get(entry.name)
            yield SpecialEntry(entry.name, entry.exists, entry.marked, entry.has_children, use)


class Folder(MailboxData):
    """A folder with a UIDVALIDITY of our choice."""

    def __init__(self, contents: Any, threads: Any, uid_validity: int, role: str | None) -> None:
        super().__init__(contents, threads)
        self._uid_validity = uid_validity
        self.role = role

    def begin_uids_after(self, uid: int) -> None:
        """Give greater UIDs from now on."""
        self._max_uid = uid

    async def contents(self) -> list[bytes]:
        """Return the messages as they are stored."""
        loaded = [await m.load_content(FetchRequirement.CONTENT) async for m in self.messages()]
        return [bytes(message) for message in loaded]


class Mailbox(MailboxSet):
    """One mailbox's folders. `changed` is called when the tree of folders has changed."""

    _inbox: Folder
    # Every folder that is made here is ours.
    _set: dict[str, Folder]  # type: ignore[assignment]

    def __init__(
        self,
        address: str,
        policies: Policies,
        generations: dict[str, int],
        changed: Callable[[], None],
        last_uid: int,
    ) -> None:
        self.address = address
        self.last_uid = last_uid
        self._policies = policies
        self._generations = generations
        self._changed = changed
        super().__init__()
        self._inbox = self._new_folder("INBOX", None)

    def _new_folder(self, path: str, role: str | None, validity: int | None = None) -> Folder:
        if validity is None:
            key = f"{self.address}/{path}"
            generation = self._generations.get(key, 0)
            validity = zlib.crc32(f"{key}#{generation}".encode()) | 1
        return Folder(self._content_cache, self._thread_cache, validity, role)

    def begin(self, folders: Iterable[Kept]) -> None:
        """Take over the folders of a new mailbox or of an earlier run."""
        for path, role, validity in folders:
            self._set[path] = self._new_folder(path, role, validity)

    def kept(self) -> list[Kept]:
        """Return what `begin` needs."""
        return [(path, found.role, found.uid_validity) for path, found in self._set.items()]

    def all_folders(self) -> dict[str, Folder]:
        """Return every folder by its path, INBOX first."""
        return {"INBOX": self._inbox, **self._set}

    async def add_mailbox(self, name: str) -> ObjectId:
        """Create a folder. Raises ValueError if it exists."""
        if name in self._set or name.upper() == "INBOX":
            raise ValueError(name)
        self._set[name] = folder = self._new_folder(name, None)
        folder.begin_uids_after(self.last_uid)
        self._changed()
        return folder.mailbox_id

    async def delete_mailbox(self, name: str) -> None:
        """Delete a folder; the next one of its name is another generation."""
        await super().delete_mailbox(name)
        self._count(name)
        self._changed()

    async def rename_mailbox(self, before: str, after: str) -> None:
        """Rename a folder with those inside it. Raises KeyError for INBOX, which stays."""
        if before.upper() == "INBOX":
            raise KeyError(before)
        gone = set(self._set)
        await super().rename_mailbox(before, after)
        for name in gone - set(self._set):
            self._count(name)
        self._changed()

    def _count(self, name: str) -> None:
        key = f"{self.address}/{name}"
        self._generations[key] = self._generations.get(key, 0) + 1

    async def list_mailboxes(self) -> ListTree:
        """Return the folders for LIST."""
        layout = PEOPLE[self.address].layout
        shown = self._policies.special_use and layout.names_special_folders
        special = {
            path: folder.role.encode()
            for path, folder in self._set.items()
            if shown and folder.role in _ADVERTISED
        }
        return SpecialTree(self.delimiter, special).update("INBOX", *self._set)

    def by_role(self, role: str) -> Folder | None:
        """Return the folder that Exchange itself uses for `role`, whatever its name."""
        return next((folder for folder in self._set.values() if folder.role == role), None)


class Mailboxes:
    """All mailboxes of the tenant. Its coroutines run in the servers' event loop."""

    def __init__(self, policies: Policies, state: StateDirectory) -> None:
        self._policies = policies
        self._state = state
        self._generations: dict[str, int] = dict(state.get("generations", {}))
        self._openings: int = state.get("openings", 0)
        self._all: dict[str, Mailbox] = {}

    def __getitem__(self, address: str) -> Mailbox:
        return self._all[address.lower()]

    def __contains__(self, address: str) -> bool:
        return address.lower() in self._all

    async def open(self) -> None:
        """Make every mailbox, with the folders that an earlier run left."""
        self._openings += 1
        self._state.put("openings", self._openings)
        kept = self._state.get("folders", {})
        for address, person in PEOPLE.items():
            first = [(path, role, None) for path, role in first_folders(person.layout)]
            await self._fill(address, kept.get(address, first))

    async def _fill(self, address: str, folders: Iterable[Kept]) -> None:
        last_uid = self._openings * _UIDS_OF_AN_OPENING
        mailbox = Mailbox(address, self._policies, self._generations, self._keep, last_uid)
        mailbox.begin(folders)
        for message in first_messages(address):
            await mailbox.all_folders()["INBOX"].append(_appended(message), recent=True)
        for folder in mailbox.all_folders().values():
            folder.begin_uids_after(mailbox.last_uid)
        self._all[address] = mailbox

    async def create_folder(self, mailbox: str, path: str) -> None:
        """Create a folder."""
        await self[mailbox].add_mailbox(path)

    async def rename_folder(self, mailbox: str, old: str, new: str) -> None:
        """Rename a folder."""
        await self[mailbox].rename_mailbox(old, new)

    async def delete_folder(self, mailbox: str, path: str) -> None:
        """Delete a folder."""
        await self[mailbox].delete_mailbox(path)

    async def folders(self, mailbox: str) -> list[str]:
        """Return the paths of a mailbox's folders, INBOX first."""
        return list(self[mailbox].all_folders())

    async def deliver(self, mailbox: str, content: bytes, folder: str = "INBOX") -> None:
        """Put a message into a folder."""
        await self[mailbox].all_folders()[folder].append(_appended(content), recent=True)

    async def file_as_sent(self, mailbox: str, content: bytes) -> None:
        """Put a message into the sent folder, as Exchange does with what SMTP AUTH submits."""
        sent = self[mailbox].by_role("Sent")
        if sent is not None:
            await sent.append(_appended(content, b"\\Seen"))

    async def messages(self, mailbox: str, folder: str = "INBOX") -> list[bytes]:
        """Return a folder's messages."""
        return await self[mailbox].all_folders()[folder].contents()

    def _keep(self) -> None:
        self._state.put("generations", dict(self._generations))
        self._state.put("folders", {name: box.kept() for name, box in self._all.items()})

    async def reset(self) -> None:
        """Begin again with the first folders and messages."""
        self._generations.clear()
        self._state.put("generations", {})
        self._state.put("folders", {})
        await self.open()


def _appended(content: bytes, *flags: bytes) -> AppendMessage:
    return AppendMessage(content, datetime.now(UTC), frozenset(Flag(flag) for flag in flags))
