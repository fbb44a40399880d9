"""SMTP submission with a token: open a session, and ask whether it may send as somebody.

Sending mail is not done here; when to try again, and with which token, is the caller's job.
"""

from __future__ import annotations

import re
import selectors
import smtplib
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ..errors import MailError
from ..findings.classify import network_code, retry_after, smtp_code
from ..findings.redact import one_line
from ..settings.clouds import endpoints
from ..wire.connecting import connect, resolve
from ..wire.deadline import Deadline, TooMuchDataError, bounded
from ..wire.tls import mail_tls_context, secure
from .stages import unwatched
from .xoauth2 import challenge_text, xoauth2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from ...schemas.settings import Endpoint, Settings
    from .stages import EnterStage

#: How the client names itself: smtplib would ask the DNS for its own name. RFC 5321, 4.1.3.
_OWN_NAME = "[127.0.0.1]"
#: Bytes of all answers of a session; each has some hundred.
_MOST_ANSWERED = 64 * 1024
#: Seconds for the answers to RSET and QUIT: nothing hangs on them.
_LAST_WORDS = 1.0
#: What cannot stand between the angle brackets of MAIL FROM.
_UNSPEAKABLE = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")


class SmtpSession:
    """One signed-in connection. Its methods raise ``MailError`` only; end the session then."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        #: The connection, for whoever sends mail through it.
        self.smtp = smtp
        self.finished = False

    def check_sender(self, sender: str) -> None:
        """Ask whether mail from `sender` is taken; sends none, and ends the session.

        MAIL FROM, RSET and QUIT go in one flight where PIPELINING (RFC 2920) is offered.
        """
        mail = _mail_from(self.smtp, sender)
        self.finished = True
        with _told("sender"):
            if self.smtp.has_extn("pipelining"):
                self.smtp.send(mail + b"RSET\r\nQUIT\r\n")
                status, words = self.smtp.getreply()
            else:
                self.smtp.send(mail)
                status, words = self.smtp.getreply()
                self.smtp.send(b"RSET\r\n")
        with (
            suppress(OSError, smtplib.SMTPException, TooMuchDataError),
            Deadline.after(_LAST_WORDS).applied(),
        ):
            self._part()
        _expect(250, "sender", status, words)

    def _part(self) -> None:
        """Read what is still to come, so that the server does not write to a closed socket."""
        self.smtp.getreply()
        if not self.smtp.has_extn("pipelining"):
            self.smtp.putcmd("QUIT")
        self.smtp.getreply()

    def leave(self) -> None:
        """Send QUIT without awaiting its answer, unless it was said."""
        if not self.finished:
            with suppress(OSError, smtplib.SMTPException):
                self.smtp.putcmd("QUIT")


@contextmanager
def smtp_session(
    settings: Settings, *, username: str, token: str, stage: EnterStage = unwatched
) -> Iterator[SmtpSession]:
    """Sign `username` in with an access token; raise ``MailError``, the socket being closed then.

    Eight round trips with `check_sender`, over TLS 1.3. Each stage is entered as `stage`: name,
    connect, tls (from the greeting to the second EHLO), sign_in. The deadline in force holds, or
    one of `settings.mail_timeout` seconds.
    """
    place = endpoints(settings).smtp
    with bounded(settings.mail_timeout, max_bytes=_MOST_ANSWERED):
        smtp = smtplib.SMTP(local_hostname=_OWN_NAME)
        try:
            _connect(smtp, place, stage)
            with stage("tls"), _told("tls"):
                _start_tls(smtp, settings, place)
            with stage("sign_in"), _told("sign_in"):
                _sign_in(smtp, username, token)
            session = SmtpSession(smtp)
            yield session
            session.leave()
        finally:
            smtp.close()


def _connect(smtp: smtplib.SMTP, place: Endpoint, stage: EnterStage) -> None:
    with stage("name"), _told("name"):
        addresses = resolve(place.host, place.port)
    with stage("connect"), _told("connect"):
        smtp.sock = connect(addresses)


def _start_tls(smtp: smtplib.SMTP, settings: Settings, place: Endpoint) -> None:
    """Go from the greeting to an EHLO that is protected; what came before it is forgotten."""
    plain: Any = smtp.sock
    smtp.file = _WholeLines(_PlainFile(plain))
    _expect(220, "tls", *smtp.getreply())
    _expect(250, "tls", *smtp.ehlo())
    if not smtp.has_extn("starttls"):
        raise MailError("starttls_missing", stage="tls")
    _expect(220, "tls", *smtp.docmd("STARTTLS"))
    if _has_more(plain):
        raise MailError("starttls_injection", stage="tls")
    smtp.file.close()
    smtp.sock = secure(plain, mail_tls_context(settings.ca_file), place.host)
    smtp.file = _WholeLines(smtp.sock.makefile("rb"))
    _expect(250, "tls", *smtp.ehlo())


class _PlainFile:
    """The plain socket as a file; it takes no byte beyond the line that is read.

    So no byte that came in the clear can be taken for one that came over TLS. Looking ahead spares
    the calls for each byte that an unbuffered file makes: 5 ms for a greeting and an EHLO.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def readline(self, longest: int) -> bytes:
        """Read a line, or what there is of one at the connection's end."""
        line = b""
        while len(line) < longest and not line.endswith(b"\n"):
            ahead = self._sock.recv(longest - len(line), socket.MSG_PEEK)
            if not ahead:
                break
            line += self._sock.recv(ahead.find(b"\n") + 1 or len(ahead))
        return line

    def close(self) -> None:
        """Leave the socket to who has it."""


class _WholeLines:
    """The file that smtplib reads answers from: it would believe a line that breaks off.

    A "250" may be the beginning of "250-localhost", and a "2" of anything.
    """

    def __init__(self, file: IO[bytes] | _PlainFile) -> None:
        self._file = file
        self.close = file.close

    def readline(self, longest: int) -> bytes:
        """Read a line; raise ``ConnectionResetError`` where the server left in the middle of it."""
        line = self._file.readline(longest)
        if line and not line.endswith(b"\n") and len(line) < longest:
            raise ConnectionResetError("The server closed the connection.")
        return line


def _has_more(plain: socket.socket) -> bool:
    """Tell whether bytes follow the answer to STARTTLS (RFC 3207 allows none; CVE-2011-0411)."""
    with selectors.DefaultSelector() as selector:
        selector.register(plain, selectors.EVENT_READ)
        return bool(selector.select(0)) and bool(plain.recv(1, socket.MSG_PEEK))


def _sign_in(smtp: smtplib.SMTP, username: str, token: str) -> None:
    """Say AUTH with an initial response (RFC 4954); nothing but 235 is a success."""
    try:
        blob = xoauth2(username, token)
    except ValueError as err:
        raise MailError("xoauth2_refused", stage="sign_in") from err
    status, words = smtp.docmd("AUTH", f"XOAUTH2 {blob}")
    if status == 500:
        # The line was too long for it: RFC 4954 lets the blob wait for a challenge instead.
        status, words = smtp.docmd("AUTH", "XOAUTH2")
        if status == 334:
            status, words = smtp.docmd(blob)
    challenge = b""
    if status == 334:
        challenge = words
        status, words = smtp.docmd("")
    _expect(235, "sign_in", status, words, challenge_text(challenge))


def _mail_from(smtp: smtplib.SMTP, sender: str) -> bytes:
    """Return the command's line; an address outside ASCII needs SMTPUTF8 (RFC 6531)."""
    if _UNSPEAKABLE.search(sender) or (not sender.isascii() and not smtp.has_extn("smtputf8")):
        raise MailError("sender_unspeakable", stage="sender")
    return f"MAIL FROM:<{sender}>{'' if sender.isascii() else ' SMTPUTF8'}\r\n".encode()


def _expect(wanted: int, stage: str, status: int, words: bytes, challenge: str = "") -> None:
    if status != wanted:
        raise _refused(stage, status, words.decode("utf-8", "replace"), challenge)


def _refused(stage: str, status: int, words: str, challenge: str = "") -> MailError:
    said = f"{status} {words}" if status > 0 else words
    return MailError(
        smtp_code(status, words, stage=stage),
        stage=stage,
        server_words=one_line(f"{said} {challenge}"),
        retry_after=retry_after(words),
    )


@contextmanager
def _told(stage: str) -> Iterator[None]:
    """Make ``MailError`` of whatever sockets, smtplib and a server's nonsense raise."""
    try:
        yield
    except smtplib.SMTPServerDisconnected as err:
        # smtplib hides what happened to the socket; without it the server has hung up.
        cause = err.__context__ if isinstance(err.__context__, OSError) else ConnectionResetError()
        raise MailError(network_code(cause, stage=stage), stage=stage) from err
    except smtplib.SMTPResponseException as err:
        # A reply is returned, whatever it says; this is smtplib's own cap on a reply's line.
        raise MailError("too_much_data", stage=stage) from err
    except (OSError, TooMuchDataError) as err:
        raise MailError(network_code(err, stage=stage), stage=stage) from err
