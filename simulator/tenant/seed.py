"""The folders and messages that a mailbox begins with."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from functools import cache

from .people import Layout, Person

Folders = tuple[tuple[str, str | None], ...]

_ENGLISH: Folders = (
    ("Archive", "Archive"),
    ("Calendar", None),
    ("Contacts", None),
    ("Deleted Items", "Trash"),
    ("Drafts", "Drafts"),
    ("Junk Email", "Junk"),
    ("Notes", None),
    ("Outbox", None),
    ("Sent Items", "Sent"),
)
_GERMAN: Folders = (
    ("Archiv", "Archive"),
    ("Entwürfe", "Drafts"),
    ("Gelöschte Elemente", "Trash"),
    ("Gesendete Elemente", "Sent"),
    ("Junk-E-Mail", "Junk"),
    ("Kalender", None),
    ("Postausgang", None),
)
_TEXTS = (
    ("Order 4711", "Please confirm our order 4711.\r\n"),
    ("Delivery note 2209", "The goods left our warehouse today.\r\n"),
    ("Überweisung zu Rechnung 1038", "Die Rechnung ist beglichen. Vielen Dank!\r\n"),
)


def first_folders(layout: Layout) -> Folders:
    """Return each folder's path and Exchange's own use of it, INBOX left out."""
    if layout is Layout.GERMAN:
        return _GERMAN
    return (*_ENGLISH, *_projects()) if layout is Layout.LARGE else _ENGLISH


def _projects() -> Iterator[tuple[str, None]]:
    """Yield what makes 300 folders together with the English ones and INBOX."""
    for name in ("Projects", "Projects/Contracts", "Projects/Plans", "Projects/Tenders"):
        yield name, None
    for year in range(2005, 2027):
        yield f"Projects/{year}", None
        for month in range(1, 13):
            yield f"Projects/{year}/{year}-{month:02}", None


def first_messages(person: Person) -> Iterator[bytes]:
    """Return the messages of an INBOX, the same in every run."""
    to = formataddr((person.name, person.address)).encode()
    local_part = person.address.partition("@")[0].encode()
    for message in _templates():
        yield message.replace(_TO, to).replace(_LOCAL_PART, local_part)


#: stand for the mailbox in a message that is made once for thousands of them
_TO, _LOCAL_PART = b"someone@contoso.test", b"local-part"


@cache
def _templates() -> tuple[bytes, ...]:
    return tuple(_template(number, *text) for number, text in enumerate(_TEXTS, 1))


def _template(number: int, subject: str, text: str) -> bytes:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Fabrikam <office@fabrikam.example.com>"
    message["To"] = _TO.decode()
    sent = datetime(2026, 1, 5, 8, tzinfo=UTC) + timedelta(days=number)
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = f"<{number}.{_LOCAL_PART.decode()}@fabrikam.example.com>"
    message.set_content(text)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
