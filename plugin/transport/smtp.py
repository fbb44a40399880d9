"""SMTP submission with a token: open a session, and ask whether it may send as an address.

Sending mail is not done here; renewing a refused token is left to `renewing`.
"""

from __future__ import annotations

import re
import smtplib
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..errors import MailError
from ..findings.mail_replies import retry_after, smtp_code
from ..findings.redact import one_line
from ..settings.clouds import endpoints
from ..wire.deadline import Deadline, TooMuchDataError, bounded
from ..wire.tls import mail_tls_context, secure
from .opening import network_error, reached
from .smtp_lines import PlainFile, WholeLines, has_more
from .stages import unwatched
from .xoauth2 import challenge_text, xoauth2

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...schemas.settings import Endpoint, Settings
    from .stages import EnterStage

#: How the client names itself: smtplib would ask the DNS for its own name. RFC 5321, 4.1.3.
OWN_NAME = "[127.0.0.1]"
#: Bytes of all answers to one exchange (the opening, one message); each has some hundred.
_MOST_ANSWERED = 64 * 1024
#: Seconds for the answers to RSET and QUIT: nothing depends on them.
_LAST_WORDS = 1.0
#: Refusals of AUTH that may be about its line, which is long, and not about who signs in. Whether
#: they are shows when the same is sent in two lines (RFC 4954).
_NOT_UNDERSTOOD = frozenset({"smtp_unknown", "xoauth2_malformed", "xoauth2_missing"})
#: What RFC 4954, section 6, has for a sign-in that is refused.
_ABOUT_THE_PERSON = frozenset({530, 534, 535, 538})
#: What cannot stand between the angle brackets of MAIL FROM.
_UNSENDABLE = re.compile(r"[\x00-\x20\x7f<>\ud800-\udfff]")


class SmtpSession:
    """One signed-in connection. Its methods raise ``MailError`` only; end the session then.

    Each method works under the deadline in force, or under one of its own, and counts what it
    receives by itself: a session may be kept for many messages.
    """

    def __init__(self, client: smtplib.SMTP, seconds: float) -> None:
        #: The connection, for what this class has no method for.
        self.client = client
        self._seconds = seconds
        self._finished = False

    @property
    def features(self) -> Mapping[str, str]:
        """What the server offered over TLS: EHLO keywords in upper case, with their parameters."""
        offered = self.client.esmtp_features.items()
        return MappingProxyType({keyword.upper(): value for keyword, value in offered})

    def check_sender(self, sender: str) -> None:
        """Ask whether mail from `sender` is taken; sends none, and ends the session.

        MAIL FROM, RSET and QUIT go in one flight where PIPELINING (RFC 2920) is offered.
        """
        mail = mail_from(self.features, sender)
        self._finished = True
        pipelining = "PIPELINING" in self.features
        with self.exchange("sender"):
            self.client.send(mail + b"RSET\r\nQUIT\r\n" if pipelining else mail)
            status, words = self.client.getreply()
            if not pipelining:
                self.client.send(b"RSET\r\n")
        with (
            suppress(OSError, smtplib.SMTPException, TooMuchDataError),
            Deadline.after(_LAST_WORDS).applied(),
        ):
            self._part(pipelining=pipelining)
        _expect(250, "sender", status, words)

    def _part(self, *, pipelining: bool) -> None:
        """Read the last answers, so that the server does not write to a closed socket."""
        self.client.getreply()
        if not pipelining:
            self.client.putcmd("QUIT")
        self.client.getreply()

    @contextmanager
    def exchange(self, stage: str) -> Iterator[None]:
        """Enter a block of commands and answers: one deadline, one cap, errors of ours only."""
        with bounded(self._seconds, max_bytes=_MOST_ANSWERED), _translated(stage):
            yield

    def leave(self) -> None:
        """Send QUIT without awaiting its answer, unless it was sent already."""
        if not self._finished:
            with suppress(OSError, smtplib.SMTPException), bounded(self._seconds):
                self.client.putcmd("QUIT")


def mail_from(
    features: Mapping[str, str], sender: str, *, size: int = 0, utf8: bool = False
) -> bytes:
    """Return MAIL FROM's line, with the parameters that the server takes.

    An address outside ASCII, here or in the message (`utf8`), needs SMTPUTF8 (RFC 6531). `size` is
    the message's, in bytes (RFC 1870).
    """
    extended = utf8 or not sender.isascii()
    if _UNSENDABLE.search(sender) or (extended and "SMTPUTF8" not in features):
        raise MailError("sender_unspeakable", stage="sender")
    parameters = " SMTPUTF8" if extended else ""
    if size and "SIZE" in features:
        parameters += f" SIZE={size}"
    return f"MAIL FROM:<{sender}>{parameters}\r\n".encode()


def rcpt_to(address: str) -> bytes:
    """Return RCPT TO's line."""
    if _UNSENDABLE.search(address):
        raise MailError("recipient_unspeakable", stage="recipient")
    return f"RCPT TO:<{address}>\r\n".encode()


@contextmanager
def smtp_session(
    settings: Settings,
    *,
    username: str,
    token: str,
    stage: EnterStage = unwatched,
    client: smtplib.SMTP | None = None,
) -> Iterator[SmtpSession]:
    """Sign `username` in with an access token; raise ``MailError`` with the socket closed.

    Eight round trips with `check_sender`, over TLS 1.3. Each stage is entered as `stage`: name,
    connect, tls (from the greeting to the second EHLO), sign_in. Opening takes
    `settings.mail_timeout` seconds at most, as does each method of the session, or ends with the
    deadline in force. `client` is one that is not connected yet, of the caller's own kind.
    """
    place, seconds = endpoints(settings).smtp, settings.mail_timeout
    client = client or smtplib.SMTP(local_hostname=OWN_NAME)
    client.debuglevel = 0  # a host may debug with the class's, which prints the token
    try:
        with bounded(seconds, max_bytes=_MOST_ANSWERED):
            client.sock = reached(place, stage)
            with stage("tls"), _translated("tls"):
                _start_tls(client, settings, place)
            with stage("sign_in"), _translated("sign_in"):
                _sign_in(client, username, token)
        session = SmtpSession(client, seconds)
        yield session
        session.leave()
    finally:
        client.close()


def _start_tls(client: smtplib.SMTP, settings: Settings, place: Endpoint) -> None:
    """Go from the greeting to an EHLO that is protected; what came before it is forgotten."""
    plain: Any = client.sock
    client.file = WholeLines(PlainFile(plain))
    _expect(220, "tls", *client.getreply())
    _expect(250, "tls", *client.ehlo())
    if not client.has_extn("starttls"):
        raise MailError("starttls_missing", stage="tls")
    _expect(220, "tls", *client.docmd("STARTTLS"))
    if has_more(plain):
        raise MailError("starttls_injection", stage="tls")
    client.file.close()
    client.sock = secure(plain, mail_tls_context(settings.ca_file), place.host)
    client.file = WholeLines(client.sock.makefile("rb"))
    _expect(250, "tls", *client.ehlo())


def _sign_in(client: smtplib.SMTP, username: str, token: str) -> None:
    """Send AUTH with an initial response (RFC 4954); nothing but 235 is a success."""
    try:
        blob = xoauth2(username, token)
    except ValueError as err:
        raise MailError("xoauth2_refused", stage="sign_in") from err
    status, words = client.docmd("AUTH", f"XOAUTH2 {blob}")
    if _is_not_understood(status, words):
        status, words = _in_two_lines(client, blob) or (status, words)
    challenge = b""
    if status == 334:
        challenge = words
        status, words = client.docmd("")
    _expect(235, "sign_in", status, words, challenge_text(challenge))


def _is_not_understood(status: int, words: bytes) -> bool:
    code = smtp_code(status, words.decode("utf-8", "replace"), stage="sign_in")
    return status >= 500 and status not in _ABOUT_THE_PERSON and code in _NOT_UNDERSTOOD


def _in_two_lines(client: smtplib.SMTP, blob: str) -> tuple[int, bytes] | None:
    """Send AUTH, and the blob when it is asked for (RFC 4954); None if the server hangs up."""
    try:
        status, words = client.docmd("AUTH", "XOAUTH2")
        return client.docmd(blob) if status == 334 else (status, words)
    except (smtplib.SMTPServerDisconnected, ConnectionError):
        return None


def _expect(wanted: int, stage: str, status: int, words: bytes, challenge: str = "") -> None:
    if status != wanted:
        raise refusal(stage, status, words, challenge)


def refusal(stage: str, status: int, reply: bytes, challenge: str = "") -> MailError:
    """Return what a whole reply says, as an error that carries its `status`."""
    words = reply.decode("utf-8", "replace")
    said = f"{status} {words}" if status > 0 else words
    return MailError(
        smtp_code(status, words, stage=stage),
        stage=stage,
        server_words=one_line(f"{said} {challenge}"),
        retry_after=retry_after(words),
        status=max(0, status),
    )


@contextmanager
def _translated(stage: str) -> Iterator[None]:
    """Make ``MailError`` of what sockets, smtplib and a server's nonsense raise."""
    try:
        yield
    except smtplib.SMTPServerDisconnected as err:
        # smtplib hides what happened to the socket; without it the server has hung up.
        cause = err.__context__ if isinstance(err.__context__, OSError) else ConnectionResetError()
        raise network_error(cause, stage) from err
    except smtplib.SMTPResponseException as err:
        # A reply is returned, whatever it says; this is smtplib's own cap on a reply's line.
        raise MailError("too_much_data", stage=stage) from err
    except (OSError, TooMuchDataError) as err:
        raise network_error(err, stage) from err
