"""Which messages a folder holds, by their Message-IDs. The folder is examined, never changed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .imap import ImapSession

_FIELD = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
_ANSWERED = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
_ID = re.compile(rb"<[^<>\s]{1,998}>")
#: Messages asked for at once: IMAPClient takes no range, and so many numbers are a kilobyte.
_BLOCK = 200
#: Messages that are looked through at most; 12 hours at Microsoft's 30 messages a minute.
_MOST = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderIds:
    """The UIDs of a folder's youngest messages by Message-ID, and what else the folder shows.

    `complete` says that nothing was left out that was filed since the time asked for; `older`
    that the first message is from before that time, so the folder was not emptied since.
    `numbers` are all UIDs that were seen, under this `validity`; `next_uid` is the next message's.
    """

    uids: Mapping[str, int]
    validity: int
    numbers: frozenset[int]
    next_uid: int
    complete: bool
    older: bool

    def lost_since(self, uid: int) -> bool:
        """Return whether a message is gone that was filed when `uid` was the next one, or later."""
        return any(number not in self.numbers for number in range(uid, self.next_uid))


def message_ids(session: ImapSession, path: str, *, since: datetime) -> FolderIds:
    """Return the Message-IDs (RFC 5322 §3.6.4) of the messages filed `since`, and of some more.

    A search by header is not asked for: servers differ in what they find. Raises ``MailError``.
    """
    with session.exchange("folders"):
        client: Any = session.client
        client.folder_encode = False  # `path` is the name as the server sent it
        client.use_uid = client.normalise_times = False
        try:
            return _read(client, client.select_folder(path, readonly=True), since)
        finally:
            client.use_uid = client.normalise_times = True


def _read(client: Any, selected: Any, since: datetime) -> FolderIds:
    """Read blocks from the youngest message down, until one is older as a whole."""
    uids: dict[str, int] = {}
    numbers: set[int] = set()
    last = count = int(selected[b"EXISTS"])
    complete, first_filed, filed = True, None, since
    while last and filed >= since and count - last < _MOST:
        block = range(max(1, last - _BLOCK + 1), last + 1)
        answers = client.fetch(block, ["UID", "INTERNALDATE", _FIELD])
        dates = {
            number: answer[b"INTERNALDATE"]
            for number, answer in answers.items()
            if isinstance(answer.get(b"INTERNALDATE"), datetime)
        }
        for answer in answers.values():
            _note(answer, uids, numbers)
        # What is missing here could be the message that is looked for.
        complete = complete and len(numbers) == count - block[0] + 1 and len(dates) == len(block)
        first_filed = dates.get(block[0])
        filed, last = max(dates.values(), default=since), block[0] - 1
    return FolderIds(
        uids=uids,
        validity=int(selected.get(b"UIDVALIDITY", 0)),
        numbers=frozenset(numbers),
        next_uid=int(selected.get(b"UIDNEXT", 0)),
        complete=complete and (not last or filed < since),
        older=first_filed is not None and first_filed < since,
    )


def _note(answer: Any, uids: dict[str, int], numbers: set[int]) -> None:
    uid, header = answer.get(b"UID"), answer.get(_ANSWERED)
    if not isinstance(uid, int) or not isinstance(header, bytes):
        return
    numbers.add(uid)
    if found := _ID.findall(header):
        uids.setdefault(found[0].decode("ascii", "replace"), uid)
