"""Messages that answer others: a customer's reply, and the automatic reply of a mailbox."""

import base64
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import headers
from .people import Person
from .report_texts import TEXTS
from .reports import encoded, text_part


@dataclass(frozen=True)
class Attachment:
    """A file in an answer."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Answer:
    """What an answer says, and who says it."""

    sender: str
    text: str
    #: stands before the subject of the message that is answered
    prefix: str = "Re: "
    attachments: Sequence[Attachment] = ()
    #: further fields of the header, each with its line break
    extra: str = ""


def answered_to(mail: bytes) -> list[str]:
    """Return the addresses that an answer to a message goes to."""
    return headers.addresses(mail, "Reply-To") or headers.addresses(mail, "From")


def answer(mail: bytes, said: Answer) -> bytes:
    """Return an answer to a message, as Outlook threads it."""
    message_id = headers.message_ids(mail, "Message-ID")
    references = [*headers.message_ids(mail, "References"), *message_id]
    subject = f"{said.prefix}{headers.text(mail, 'Subject')}"
    head = (
        f"From: {said.sender}\r\n"
        f"To: {', '.join(f'<{address}>' for address in answered_to(mail))}\r\n"
        f"Subject: {encoded(subject, 'Subject')}\r\n"
        f"Date: {headers.now()}\r\n"
        f"Message-ID: {headers.new_message_id()}\r\n"
        f"In-Reply-To: {' '.join(message_id)}\r\n"
        f"References: {' '.join(references)}\r\n"
        f"{said.extra}"
        "MIME-Version: 1.0\r\n"
    )
    return f"{head}{_body(said)}".encode()


def automatic_reply(mail: bytes, person: Person, language: str) -> bytes:
    """Return the automatic reply of a mailbox."""
    extra = (
        "Auto-Submitted: auto-generated\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        f"X-MS-Exchange-Inbox-Rules-Loop: {person.address}\r\n"
    )
    texts = TEXTS[language]
    sender = f"{encoded(person.name, 'From')} <{person.address}>"
    return answer(mail, Answer(sender, texts.automatic_text, texts.automatic, extra=extra))


def is_automatic(mail: bytes) -> bool:
    """Return whether nobody should answer a message by machine (RFC 3834)."""
    suppressed = headers.value(mail, "X-Auto-Response-Suppress").lower()
    submitted = headers.value(mail, "Auto-Submitted").lower() or "no"
    return submitted != "no" or "all" in suppressed or "oof" in suppressed


def _body(said: Answer) -> str:
    text = text_part("plain", f"{said.text}\r\n")
    if not said.attachments:
        return text
    boundary = uuid.uuid4().hex
    parts = "".join(f"--{boundary}\r\n{part}\r\n" for part in (text, *map(_file, said.attachments)))
    return f'Content-Type: multipart/mixed; boundary="{boundary}"\r\n\r\n{parts}--{boundary}--\r\n'


def _file(attachment: Attachment) -> str:
    body = base64.encodebytes(attachment.content).decode().replace("\n", "\r\n")
    return (
        f"Content-Type: {attachment.media_type}\r\n"
        f'Content-Disposition: attachment; filename="{attachment.name}"\r\n'
        f"Content-Transfer-Encoding: base64\r\n\r\n{body}"
    )
