"""Reports about a message, in the shape that Exchange Online gives them (RFC 3462, 3464).

Made of lines, not with `email.policy.SMTP`: that turns message ids of 79 characters and more, as
Outlook's are, into encoded-words, and a client could no longer match the report.
"""

import base64
import html
import re
import uuid
from dataclasses import dataclass
from email.header import Header
from typing import Literal, cast, get_args

from ..replies import SMTP_BACK
from . import headers
from .people import DOMAIN
from .report_texts import TEXTS
from .submission import Submission

Action = Literal["failed", "delayed", "delivered", "relayed"]
#: where Exchange's own messages come from
SYSTEM = f"MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@{DOMAIN}"
_WORDS = re.compile(r"[245]\d\d [245]\.\d{1,3}\.\d{1,3} [ -~]+")
_PARTS = {"failed": "X-MS-Exchange-Message-Is-Ndr:\r\n"}


@dataclass(frozen=True)
class Outcome:
    """What became of a message for one recipient; `words` begin with the reply's code."""

    action: Action
    recipient: str
    words: str
    #: ORCPT of RFC 3461
    original: str | None = None

    @property
    def status(self) -> str:
        """The enhanced status code (RFC 3463)."""
        return self.words.split(" ", 2)[1]


def read_outcome(action: object, recipient: str, words: str) -> Outcome:
    """Return an outcome from outside. Raises ValueError naming what does not fit."""
    if action not in get_args(Action):
        raise ValueError(f"'action' must be one of {', '.join(get_args(Action))}")
    if not _WORDS.fullmatch(words):
        raise ValueError("'words' must begin with a code such as 550 5.1.1")
    return Outcome(cast("Action", action), recipient, words)


def report(submission: Submission, outcome: Outcome, language: str) -> bytes:
    """Return the report to the sender of a submission."""
    boundary = uuid.uuid4().hex
    parts = (_told(outcome, language), _status(submission, outcome), _returned(submission))
    body = b"".join(f"--{boundary}\r\n".encode() + part + b"\r\n" for part in parts)
    head = _head(submission, outcome, language, boundary).encode()
    return head + b"\r\n" + body + f"--{boundary}--\r\n".encode()


def _head(submission: Submission, outcome: Outcome, language: str, boundary: str) -> str:
    subject = TEXTS[language].subject(outcome.action) + headers.text(submission.content, "Subject")
    references = headers.message_ids(submission.content, "References")
    return (
        f"From: Microsoft Outlook <{SYSTEM}>\r\n"
        f"To: <{submission.mail_from}>\r\n"
        f"Date: {headers.now()}\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"'
        "\r\n"
        f"{_PARTS.get(outcome.action, '')}"
        f"Content-Language: {language}\r\n"
        f"Message-ID: {headers.new_message_id()}\r\n"
        f"In-Reply-To: {submission.message_id}\r\n"
        f"References: {' '.join([*references, submission.message_id])}\r\n"
        f"Subject: {encoded(subject, 'Subject')}\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
    )


def _told(outcome: Outcome, language: str) -> bytes:
    text = TEXTS[language].sentence(outcome.action, outcome.recipient)
    boundary = uuid.uuid4().hex
    page = f"<html><body><p>{html.escape(text)}</p></body></html>"
    parts = "".join(
        f"--{boundary}\r\n{text_part(kind, held)}\r\n"
        for kind, held in (("plain", f"{text}\r\n\r\n{outcome.words}\r\n"), ("html", page))
    )
    start = f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'
    return f"{start}{parts}--{boundary}--\r\n".encode()


def _status(submission: Submission, outcome: Outcome) -> bytes:
    envelope = submission.envelope_id
    envelope_id = f"Original-Envelope-Id: {envelope}\r\n" if envelope else ""
    original = f"Original-Recipient: {outcome.original}\r\n" if outcome.original else ""
    return (
        "Content-Type: message/delivery-status\r\n\r\n"
        f"{envelope_id}"
        f"Reporting-MTA: dns;{SMTP_BACK}\r\n"
        f"Arrival-Date: {headers.now()}\r\n"
        "\r\n"
        f"{original}"
        f"Final-Recipient: rfc822;{outcome.recipient}\r\n"
        f"Action: {outcome.action}\r\n"
        f"Status: {outcome.status}\r\n"
        f"Diagnostic-Code: smtp;{outcome.words}\r\n"
    ).encode()


def _returned(submission: Submission) -> bytes:
    if submission.returned == "HDRS":
        header = headers.split(submission.content)[0]
        return b"Content-Type: text/rfc822-headers\r\n\r\n" + header
    return b"Content-Type: message/rfc822\r\n\r\n" + submission.content


def text_part(kind: str, text: str) -> str:
    """Return a text part with its header."""
    body = base64.encodebytes(text.encode()).decode().replace("\n", "\r\n")
    start = f'Content-Type: text/{kind}; charset="utf-8"\r\n'
    return f"{start}Content-Transfer-Encoding: base64\r\n\r\n{body}"


def encoded(text: str, name: str) -> str:
    """Return a field's text with encoded-words where it needs them."""
    charset = None if text.isascii() else "utf-8"
    return Header(text, charset, header_name=name).encode(linesep="\r\n")
