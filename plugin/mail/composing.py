"""Build a message as a stream of bytes: constant memory, whatever the attachments hold.

What is built is complete: CR LF line ends, the final one included, and no dot stuffing, which is
the transport's. A raw message of the host's goes through `raw_message` instead.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from email.headerregistry import Address as HeaderAddress
from email.message import EmailMessage
from email.utils import format_datetime
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from marshmallow import ValidationError

from ...schemas.delivery import MailPart
from .policy import POLICY, UTF8_POLICY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from ...schemas.outgoing import Address, Attachment, Content, OutgoingMail

_NEWLINE = b"\r\n"
#: Characters of a base64 line (RFC 2045 §6.8), the bytes that it stands for, and lines at a time.
_WIDTH, _BYTES, _LINES = 76, 57, 1024
#: Bytes of an attachment that are read at a time: whole base64 lines.
_BLOCK = _BYTES * _LINES


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a message says of itself beside its content; fixed when it is queued."""

    sender: Address
    message_id: str
    date: datetime
    #: Makes boundaries that cannot stand in the content.
    token: str = field(default_factory=lambda: secrets.token_hex(12))


def new_message_id(sender: str, delivery_id: str) -> str:
    """Return ``<random.delivery@domain>``, shorter than the 78 characters of a line."""
    domain = ascii_address(sender).rpartition("@")[2]
    left = f"{secrets.token_hex(8)}.{delivery_id.rpartition(':')[2]}"[:40]
    # A domain may be so long that both do not fit; the left part alone is unique.
    domain = (
        domain if len(left) + len(domain) + 3 < 78 else domain[-(74 - len(left)) :].lstrip(".-")
    )
    return f"<{left}@{domain}>"


def ascii_address(address: str) -> str:
    """Return the address with its domain in A-labels (RFC 5891); the local part stays."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    import idna  # noqa: PLC0415 - large tables, for few addresses

    return f"{local}{at}{idna.encode(domain, uts46=True).decode('ascii')}"


def needs_smtputf8(mail: OutgoingMail, sender: Address) -> bool:
    """Return whether an address has a local part outside ASCII (RFC 6531)."""
    everyone = (sender, *mail.to, *mail.cc, *mail.bcc, *mail.reply_to)
    return not all(each.address.rpartition("@")[0].isascii() for each in everyone)


def opened(content: Content, what: str) -> BinaryIO:
    """Open `content` for reading; raise ``ValidationError`` that names `what` if it does not."""
    try:
        if isinstance(content, bytes):
            return BytesIO(content)
        return content.open("rb") if isinstance(content, Path) else content()
    except Exception as err:
        raise _unreadable(what, err) from err


def blocks(content: Content, what: str, size: int = _BLOCK) -> Iterator[bytes]:
    """Yield `content` in blocks of `size` bytes, the last one shorter."""
    with opened(content, what) as stream:
        while block := _whole_block(stream, what, size):
            yield block


def _whole_block(stream: BinaryIO, what: str, size: int) -> bytes:
    """Read on until the block is full: a pipe gives less than it was asked for."""
    parts: list[bytes] = []
    missing = size
    while missing:
        try:
            part = stream.read(missing)
        except Exception as err:
            raise _unreadable(what, err) from err
        if not isinstance(part, bytes):
            raise ValidationError(f"The content of {what} is not opened in binary mode.")
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _unreadable(what: str, err: Exception) -> ValidationError:
    cause = getattr(err, "strerror", None) or type(err).__name__
    return ValidationError(f"The content of {what} cannot be read: {cause}.")


def message(mail: OutgoingMail, envelope: Envelope) -> Iterator[bytes]:
    """Yield the whole message. Raises ``ValidationError`` if an attachment cannot be read."""
    root = _content(mail, envelope)
    yield _head(mail, envelope, root)
    yield from root.body()


def header_text(mail: OutgoingMail, envelope: Envelope) -> str:
    """Return the header alone, as it will be sent."""
    return _head(mail, envelope, _content(mail, envelope)).decode("utf-8", "surrogateescape")


def _head(mail: OutgoingMail, envelope: Envelope, root: _Part) -> bytes:
    head = EmailMessage(policy=UTF8_POLICY if needs_smtputf8(mail, envelope.sender) else POLICY)
    head["Date"] = format_datetime(envelope.date)
    head["From"] = [_shown(envelope.sender)]
    for name, group in (("To", mail.to), ("Cc", mail.cc), ("Reply-To", mail.reply_to)):
        if group:
            head[name] = [_shown(each) for each in group]
    if mail.subject:
        head["Subject"] = mail.subject
    head["Message-ID"] = envelope.message_id
    if mail.in_reply_to:
        head["In-Reply-To"] = mail.in_reply_to
    thread = thread_of(mail)
    if thread:
        head["References"] = " ".join(thread)
    if mail.automatic:
        head["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5
    for name, text in mail.headers.items():
        head[name] = text
    head["MIME-Version"] = "1.0"
    # The blank line after the header is that of the content's own.
    return bytes(head).removesuffix(_NEWLINE) + root.head


def thread_of(mail: OutgoingMail) -> tuple[str, ...]:
    """Return the References (RFC 5322 §3.6.4): those given, and the mail that is answered last."""
    if not mail.in_reply_to:
        return mail.references
    return (*(each for each in mail.references if each != mail.in_reply_to), mail.in_reply_to)


def _shown(address: Address) -> HeaderAddress:
    local, _, domain = ascii_address(address.address).rpartition("@")
    return HeaderAddress(display_name=address.name, username=local, domain=domain)


@dataclass(frozen=True, slots=True)
class _Part:
    """One MIME entity: its header with the blank line, and its body made on demand."""

    head: bytes

    def body(self) -> Iterator[bytes]:
        """Yield the body; it ends with CR LF."""
        raise NotImplementedError

    def whole(self) -> Iterator[bytes]:
        """Yield header and body."""
        return chain((self.head,), self.body())


@dataclass(frozen=True, slots=True)
class _Text(_Part):
    text: bytes

    def body(self) -> Iterator[bytes]:
        yield self.text


@dataclass(frozen=True, slots=True)
class _File(_Part):
    attachment: Attachment

    def body(self) -> Iterator[bytes]:
        for block in blocks(self.attachment.content, f"“{self.attachment.name}”"):
            yield _in_lines(base64.b64encode(block))


@dataclass(frozen=True, slots=True)
class _Multi(_Part):
    boundary: bytes
    parts: Sequence[_Part]

    def body(self) -> Iterator[bytes]:
        for part in self.parts:
            yield b"--" + self.boundary + _NEWLINE
            yield from part.whole()
        yield b"--" + self.boundary + b"--" + _NEWLINE


def _in_lines(encoded: bytes) -> bytes:
    view = range(0, len(encoded), _WIDTH)
    return _NEWLINE.join(encoded[at : at + _WIDTH] for at in view) + _NEWLINE


def _content(mail: OutgoingMail, envelope: Envelope) -> _Part:
    """Return the tree: mixed(alternative(text, related(html, pictures)), files)."""
    inline = [each for each in mail.attachments if each.inline_id and mail.html]
    files = [each for each in mail.attachments if each not in inline]
    html = [_text(mail.html, "html")] if mail.html else []
    if inline:
        html = [_multi("related", [*html, *map(_file, inline)], envelope)]
    plain = [_text(mail.text, "plain")] if mail.text or not mail.html else []
    texts = [*plain, *html]
    root = texts[0] if len(texts) == 1 else _multi("alternative", texts, envelope)
    return _multi("mixed", [root, *map(_file, files)], envelope) if files else root


def _text(text: str, subtype: str) -> _Part:
    made = EmailMessage(policy=POLICY.clone(cte_type="7bit"))
    made.set_content(text, subtype=subtype)
    del made["MIME-Version"]
    head, _, body = made.as_bytes().partition(_NEWLINE * 2)
    return _Text(head + _NEWLINE * 2, body if body.endswith(_NEWLINE) else body + _NEWLINE)


def _file(attachment: Attachment) -> _Part:
    made = EmailMessage(policy=POLICY)
    made["Content-Type"] = attachment.media_type
    made.set_param("name", attachment.name)
    made["Content-Disposition"] = "inline" if attachment.inline_id else "attachment"
    made.set_param("filename", attachment.name, header="Content-Disposition")
    made["Content-Transfer-Encoding"] = "base64"
    if attachment.inline_id:
        made["Content-ID"] = f"<{attachment.inline_id}>"
    return _File(bytes(made), attachment)


def _multi(subtype: str, parts: Sequence[_Part], envelope: Envelope) -> _Part:
    # "=_" stands in neither base64 nor quoted-printable (RFC 2045 §6.7).
    boundary = f"=_{envelope.token}_{subtype}"
    head = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'
    return _Multi(head.encode("ascii"), boundary.encode("ascii"), parts)


def parts_of(mail: OutgoingMail) -> tuple[MailPart, ...]:
    """Return the parts as a preview shows them; reads every attachment for its size."""
    texts = [("text/plain", mail.text), ("text/html", mail.html)]
    shown = [
        MailPart(media_type=kind, name="", size=len(text.encode())) for kind, text in texts if text
    ]
    for each in mail.attachments:
        size = sum(map(len, blocks(each.content, f"“{each.name}”")))
        shown.append(
            MailPart(
                media_type=each.media_type, name=each.name, size=size, inline_id=each.inline_id
            )
        )
    return tuple(shown)


def content_digest(mail: OutgoingMail, sender: Address) -> str:
    """Return the SHA-256 of all that a person sees of the mail, attachments included, in hex."""
    digest = hashlib.sha256()
    people = (sender, *mail.to, None, *mail.cc, None, *mail.bcc, None, *mail.reply_to)
    words = [f"{each.name} <{each.address}>" if each else "" for each in people]
    words += [mail.subject, mail.text, mail.html, *thread_of(mail)]
    words += [f"{name}: {text}" for name, text in sorted(mail.headers.items())]
    for word in words:
        _add(digest, [word.encode("utf-8", "surrogatepass")])
    for each in mail.attachments:
        _add(digest, [f"{each.name}\0{each.media_type}\0{each.inline_id}".encode()])
        _add(digest, blocks(each.content, f"“{each.name}”"))
    if mail.raw is not None:
        _add(digest, blocks(mail.raw, "the message"))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, parts: Iterable[bytes]) -> None:
    """Add one item; its length comes after it, so that no two lists of items look the same."""
    size = 0
    for part in parts:
        digest.update(part)
        size += len(part)
    digest.update(size.to_bytes(8, "big"))
