"""IMAP with a token: open a session, list the folders, ask for their UIDVALIDITY.

What the folders are for is left to `folders`; renewing a refused token to `renewing`.
"""

from __future__ import annotations

import imaplib
import re
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

from ..errors import MailError
from ..findings.mail_replies import imap_code, retry_after
from ..findings.redact import one_line
from ..settings.clouds import endpoints
from ..wire.deadline import Deadline, TooMuchDataError, bounded, remaining
from ..wire.tls import mail_tls_context, secure
from .listing import ListedFolder, listed_folders, sendable
from .opening import network_error, network_translated, reached
from .stages import unwatched
from .xoauth2 import challenge_text, xoauth2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager

    from ...schemas.settings import Endpoint, Settings
    from .imap_client import Client, Reply
    from .listing import Answer
    from .stages import EnterStage

__all__ = ["ImapSession", "ListedFolder", "imap_session"]

#: STATUS commands in one flight. Exchange answers too many at once with "Too many connections".
IN_FLIGHT = 16
#: Bytes at a STATUS answer's end that are looked at: a few numbers.
_LOOKED_AT = 512
_UID_VALIDITY = re.compile(rb"\([^()]*\bUIDVALIDITY (\d{1,10})\b[^()]*\)\s*$", re.IGNORECASE)
# No folder, or none that holds mail. RFC 5530 has codes for it; Exchange says
# "NO [TRYCREATE] Folder is not found." or "doesn't exist".
_NO_SUCH_FOLDER = re.compile(
    r"\[(?:TRYCREATE|NONEXISTENT)\]|not found|no such|unknown (?:mailbox|folder)"
    r"|n[o']t (?:exist|selectable)",
    re.IGNORECASE,
)
#: Refusals of one STATUS that are about the whole session.
_OF_THE_SESSION = frozenset({"mailbox_not_connected", "token_expired"})
#: How a server that takes no long line may end the connection.
_HUNG_UP = frozenset({"connection_lost", "imap_closed"})


class ImapSession:
    """One signed-in connection. Its methods raise ``MailError`` only; end the session then.

    Each method works under the deadline in force, or under one of its own: a session may be kept
    for longer than any one deadline.
    """

    def __init__(self, client: Client, seconds: float) -> None:
        #: The connection, for what this class has no method for.
        self.client = client
        self._seconds = seconds

    def folders(self) -> tuple[ListedFolder, ...]:
        """Return the whole hierarchy, with one LIST.

        Call it right after sign-in: Exchange may accept a token and say only now, "User is
        authenticated but not connected", that it does not open this mailbox.
        """
        with self.exchange("mailbox"):
            answers = self._listed()
            folders = listed_folders(answers)
            for _ in answers:
                pass  # the rest of a list that was cut: the next command's answer comes after it
            return folders

    def _listed(self) -> Iterator[Answer]:
        _ok("mailbox", (yield from self.client.list_all()))

    def uid_validity(self, path: str) -> int | None:
        """Return a folder's UIDVALIDITY, or None if there is no such folder."""
        return self.uid_validities([path], needed=True)[path]

    def uid_validities(
        self, paths: Collection[str], *, needed: bool = False
    ) -> dict[str, int | None]:
        """Return the UIDVALIDITY of folders, asked for in flights of `IN_FLIGHT`.

        None stands for a folder that is not there, or holds no mail. A name that cannot be sent
        to a server (control characters) is never there. A folder about which the server gives no
        usable answer is left out, as nothing is known of it; where it is `needed`, that is raised.
        """
        found: dict[str, int | None] = {}
        for path, answer in self._asked(paths).items():
            if not isinstance(answer, MailError):
                found[path] = answer
            elif needed:
                raise answer
        return found

    def _asked(self, paths: Collection[str]) -> dict[str, int | MailError | None]:
        found: dict[str, int | MailError | None] = dict.fromkeys(paths)
        asked = [path for path in found if sendable(path)]
        for first in range(0, len(asked), IN_FLIGHT):
            flight = asked[first : first + IN_FLIGHT]
            with self.exchange("folders"):
                replies = self.client.statuses([_quoted(path) for path in flight])
            found.update(zip(flight, map(_validity, replies), strict=True))
        return found

    @contextmanager
    def exchange(self, stage: str, *, max_bytes: int | None = None) -> Iterator[None]:
        """Enter a block of commands and answers: one deadline, errors of ours only.

        With `max_bytes` the block has a cap of its own, for a mail that is larger than all else
        of the session. `client.wire.poured_into` keeps such a literal out of memory.
        """
        with bounded(self._seconds), _translated(stage, self.client), _capped(max_bytes):
            yield

    def leave(self) -> None:
        """Send LOGOUT without awaiting its answer."""
        with suppress(OSError, imaplib.IMAP4.error), bounded(self._seconds):
            self.client.leave()


def _capped(max_bytes: int | None) -> AbstractContextManager[object]:
    if max_bytes is None:
        return nullcontext()
    # Not counted outside: one large mail must not use up a whole visit's share.
    return Deadline.lasting(remaining(), max_bytes=max_bytes).applied()


@contextmanager
def imap_session(
    settings: Settings, *, mailbox: str, token: str, stage: EnterStage = unwatched
) -> Iterator[ImapSession]:
    """Open `mailbox` with an access token; raise ``MailError`` with the socket closed.

    Five round trips with one LIST, over TLS 1.3. Each stage is entered as `stage`: name, connect,
    tls, sign_in (the greeting included). Opening takes `settings.mail_timeout` seconds at most, as
    does each method of the session, or ends with the deadline in force.
    """
    seconds = settings.mail_timeout
    with ExitStack() as sockets:
        with bounded(seconds):
            try:
                client = _opened(settings, mailbox, token, stage, sockets)
            except _CutOffError:
                # Again, with a short line: a server may hang up on one that is too long for it.
                sockets.close()
                client = _opened(settings, mailbox, token, stage, sockets, at_once=False)
        session = ImapSession(client, seconds)
        yield session
        session.leave()


class _CutOffError(Exception):
    """The server hung up on the line that signs in."""


def _opened(
    settings: Settings,
    mailbox: str,
    token: str,
    stage: EnterStage,
    sockets: ExitStack,
    *,
    at_once: bool = True,
) -> Client:
    place = endpoints(settings).imap
    sock = sockets.enter_context(_secured(settings, place, stage))
    with stage("sign_in"), _translated("sign_in"):
        client = _greeted(sock, place)
        # imaplib's file holds the socket open, so both must be closed.
        sockets.callback(client.wire.file.close)
        _sign_in(client, mailbox, token, at_once=at_once and client.signs_in_at_once)
    return client


def _secured(settings: Settings, place: Endpoint, stage: EnterStage) -> ssl.SSLSocket:
    sock = reached(place, stage)
    with sock, stage("tls"), network_translated("tls"):
        return secure(sock, mail_tls_context(settings.ca_file), place.host)


def _greeted(sock: ssl.SSLSocket, place: Endpoint) -> Client:
    """Read the greeting; refuse one that claims that somebody is signed in already."""
    from .imap_client import Client, PreauthError  # noqa: PLC0415 - loaded at first use

    try:
        client = Client(sock, place.host, place.port)
    except PreauthError as err:
        raise MailError("imap_preauth", stage="sign_in") from err
    except imaplib.IMAP4.error as err:
        # The greeting itself is a refusal: BYE, or no IMAP at all.
        greeting = err.args[0] if err.args else None
        words = greeting.decode("utf-8", "replace") if isinstance(greeting, bytes) else str(err)
        raise _refused("sign_in", words.removeprefix("* "), heard_at="greeting") from None
    return client


def _sign_in(client: Client, mailbox: str, token: str, *, at_once: bool) -> None:
    try:
        blob = xoauth2(mailbox, token)
    except ValueError as err:
        raise MailError("xoauth2_refused", stage="sign_in") from err
    try:
        with _translated("sign_in", client):
            reply = client.xoauth2(blob, at_once=at_once)
            if at_once and _is_not_understood(reply):
                reply = client.xoauth2(blob, at_once=False)
    except MailError as err:
        if at_once and err.code in _HUNG_UP:
            raise _CutOffError from err
        raise
    _ok("sign_in", reply, challenge_text(client.wire.challenge))


def _is_not_understood(reply: Reply) -> bool:
    """Return whether a BAD is about the line, perhaps its length, and not about who signs in."""
    return reply.kind == "BAD" and imap_code(reply.words, stage="sign_in") == "imap_unknown"


def _quoted(path: str) -> bytes:
    return b'"' + path.encode().replace(b"\\", rb"\\").replace(b'"', rb"\"") + b'"'


def _validity(reply: Reply) -> int | MailError | None:
    """Return one folder's UIDVALIDITY, None if it is not there, or why nothing is known of it."""
    if reply.kind != "OK":
        if _NO_SUCH_FOLDER.search(reply.words):
            return None
        refused = _refused("folders", reply.words)
        if refused.code in _OF_THE_SESSION:
            raise refused
        return refused
    # A name that is a literal comes first, and what is asked for in the line's end.
    lines = (answer[-_LOOKED_AT:] for answer in reply.answers if isinstance(answer, bytes))
    found = [match for match in map(_UID_VALIDITY.search, lines) if match]
    return int(found[0][1]) if len(found) == 1 else _refused("folders", reply.words)


def _ok(stage: str, reply: Reply, challenge: str = "") -> Reply:
    if reply.kind != "OK":
        raise _refused(stage, reply.words, challenge)
    return reply


def _refused(stage: str, words: str, challenge: str = "", *, heard_at: str = "") -> MailError:
    return MailError(
        imap_code(words, stage=heard_at or stage),
        stage=stage,
        server_words=one_line(f"{words} {challenge}"),
        retry_after=retry_after(words),
    )


@contextmanager
def _translated(stage: str, client: Client | None = None) -> Iterator[None]:
    """Make ``MailError`` of what sockets, imaplib and a server's nonsense raise."""
    try:
        yield
    except (OSError, TooMuchDataError) as err:
        if client is not None and client.wire.said_bye:
            raise _refused(stage, client.wire.words) from err
        raise network_error(err, stage) from err
    except (imaplib.IMAP4.error, ValueError) as err:
        # imaplib makes its own error of a command that could not be sent.
        if isinstance(err.__context__, OSError):
            raise network_error(err.__context__, stage) from err
        # Not "from err": its text has the server's words as they came, which may echo the token.
        raise _refused(stage, str(err) if client is None else client.wire.words) from None
