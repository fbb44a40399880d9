"""Which messages a folder holds, by their Message-IDs. The folder is examined, never changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .imap import ImapSession

_FIELD = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]"
_ANSWERED = b"BODY[HEADER.FIELDS (MESSAGE-ID)]"
_ID = re.compile(rb"<[^<>\s]{1,998}>")


def message_ids(session: ImapSession, path: str, *, youngest: int = 200) -> dict[str, int]:
    """Return the UIDs of a folder's youngest messages by Message-ID (RFC 5322 §3.6.4).

    A search by header is not asked for: servers differ in what they find. Raises ``MailError``.
    """
    with session.exchange("folders"):
        client: Any = session.client
        client.folder_encode = False  # `path` is the name as the server sent it
        count = int(client.select_folder(path, readonly=True)[b"EXISTS"])
        if not count:
            return {}
        client.use_uid = False
        try:
            # IMAPClient takes no range; so many numbers are a line of a thousand bytes.
            answers = client.fetch(range(max(1, count - youngest + 1), count + 1), ["UID", _FIELD])
        finally:
            client.use_uid = True
        return {
            found[0].decode("ascii", "replace"): int(answer[b"UID"])
            for answer in answers.values()
            if b"UID" in answer and (found := _ID.findall(answer.get(_ANSWERED) or b""))
        }
