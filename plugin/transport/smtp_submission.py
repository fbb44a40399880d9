"""Messages over SMTP: pipelined envelopes (RFC 2920), BDAT where it is offered (RFC 3030), or DATA.

The next envelope travels with the end of the message before it, so a message costs one round trip
on a kept connection. No data follows a recipient whose answer is not known: after a 354 nothing
can be taken back, and a lone dot would send an empty mail to those accepted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import MailError
from ..findings.mail_replies import MESSAGE, RECIPIENT
from .smtp import SmtpSession, mail_from, rcpt_to, refusal
from .submission import Outgoing, RecipientsRefusedError, Taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Replies to chunks that are left unread at most: a server whose replies nobody reads stops.
_MOST_UNREAD = 16
_OK = range(200, 300)


class SmtpSubmission:
    """One signed-in session, used for message after message."""

    transport = "smtp"

    def __init__(self, session: SmtpSession) -> None:
        self._session = session
        self._client = session.client
        self._chunking = "CHUNKING" in session.features
        self._pipelining = "PIPELINING" in session.features
        #: The message whose envelope was sent already.
        self._announced: Outgoing | None = None
        self._unread = 0
        self._usable = True

    @property
    def usable(self) -> bool:
        """Whether another message can be prepared on this connection."""
        return self._usable

    def prepare(self, mail: Outgoing) -> Mapping[str, MailError]:
        """Send everything but the end; see `Submission`."""
        self._usable = False
        refused = self._envelope(mail)
        with self._session.exchange(MESSAGE):
            self._send_data(mail)
        return refused

    def hand_over(self, ahead: Outgoing | None) -> Taken:
        """Send the end, and the envelope of `ahead` in the same flight; see `Submission`."""
        self._usable = False
        with self._session.exchange(MESSAGE):
            end = b"BDAT 0 LAST\r\n" if self._chunking else b".\r\n"
            self._client.send(end + self._announcement(ahead))
            status, words = self._end_reply()
        self._usable = True
        if status not in _OK:
            raise refusal(MESSAGE, status, words)
        return Taken(words=refusal(MESSAGE, status, words).server_words)

    def abandon(self) -> None:
        """Leave: the connection ends before the end of data, so nothing was sent."""
        self._usable = False
        self._client.close()

    def _announcement(self, mail: Outgoing | None) -> bytes:
        """Return the envelope of a message that may travel ahead."""
        self._announced = None
        if mail is None or not self._pipelining:
            return b""
        try:
            commands = self._commands(mail)
        except MailError:
            return b""  # `prepare` says what is wrong with it
        self._announced = mail
        return b"".join(commands)

    def _commands(self, mail: Outgoing) -> list[bytes]:
        """Return MAIL, each RCPT, and DATA where it may follow unknown answers."""
        features = self._session.features
        lines = [mail_from(features, mail.sender, size=mail.size, utf8=mail.smtputf8)]
        lines += map(rcpt_to, mail.recipients)
        if self._data_in_flight(mail):
            lines.append(b"DATA\r\n")
        return lines

    def _data_in_flight(self, mail: Outgoing) -> bool:
        alone = len(mail.recipients) == 1 or mail.partial
        return self._pipelining and not self._chunking and alone

    def _envelope(self, mail: Outgoing) -> dict[str, MailError]:
        """Have the envelope accepted, as far as the message asks for it."""
        announced, self._announced = self._announced, None
        commands = self._commands(mail)
        if announced is not None and announced.id != mail.id:
            self._client.close()
            raise MailError("connection_lost", stage="sender")
        with self._session.exchange("sender"):
            replies = self._replies(commands, sent=announced is not None)
            sender = next(replies)
        refused: dict[str, MailError] = {}
        with self._session.exchange(RECIPIENT):
            for address in mail.recipients:
                status, words = next(replies)
                if status not in _OK:
                    refused[address] = refusal(RECIPIENT, status, words)
        data = (354, b"")
        with self._session.exchange(MESSAGE):
            if self._data_in_flight(mail):
                data = next(replies)
        self._judge(mail, sender, refused, data)
        if not self._chunking and not self._data_in_flight(mail):
            with self._session.exchange(MESSAGE):
                status, words = self._client.docmd("DATA")
            if status != 354:
                self._reset()
                raise refusal(MESSAGE, status, words)
        return refused

    def _replies(self, commands: list[bytes], *, sent: bool) -> Iterator[tuple[int, bytes]]:
        """Yield the reply to each command, sent in one flight or one by one."""
        if not sent and self._pipelining:
            self._client.send(b"".join(commands))
            sent = True
        for command in commands:
            if not sent:
                self._client.send(command)
            yield self._client.getreply()

    def _judge(
        self,
        mail: Outgoing,
        sender: tuple[int, bytes],
        refused: Mapping[str, MailError],
        data: tuple[int, bytes],
    ) -> None:
        """Raise unless data may be sent; the connection is left as it can be used, or closed."""
        status, words = sender
        accepted = status in _OK and len(refused) < len(mail.recipients)
        if accepted and data[0] == 354 and (mail.partial or not refused):
            return
        if self._data_in_flight(mail) and data[0] == 354:
            # Nothing but an end of data would be heard now, and that would send an empty mail.
            self._client.close()
        else:
            self._reset()
        if status not in _OK:
            raise refusal("sender", status, words)
        if refused and (not mail.partial or len(refused) == len(mail.recipients)):
            raise RecipientsRefusedError(refused)
        raise refusal(MESSAGE, *data)

    def _reset(self) -> None:
        with self._session.exchange("sender"):
            status, _ = self._client.docmd("RSET")
        self._usable = status in _OK

    def _send_data(self, mail: Outgoing) -> None:
        self._unread = 0
        if not self._chunking:
            for block in _stuffed(mail.chunks()):
                self._client.send(block)
            return
        for chunk in mail.chunks():
            self._client.send(b"BDAT %d\r\n" % len(chunk) + chunk)
            self._unread += 1
            if self._unread >= _MOST_UNREAD:
                self._read_chunk_reply()

    def _read_chunk_reply(self) -> None:
        self._unread -= 1
        status, words = self._client.getreply()
        if status not in _OK:
            # Whatever is sent now would be refused too (RFC 3030 §3).
            self._client.close()
            raise refusal(MESSAGE, status, words)

    def _end_reply(self) -> tuple[int, bytes]:
        """Return the reply to the end; the first refused chunk speaks for the message."""
        worst: tuple[int, bytes] | None = None
        for _ in range(self._unread):
            status, words = self._client.getreply()
            if status not in _OK and worst is None:
                worst = status, words
        self._unread = 0
        status, words = self._client.getreply()
        if worst is not None and status not in _OK:
            return worst
        return status, words


def _stuffed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Double each dot at the beginning of a line (RFC 5321 §4.5.2), over the chunks' borders."""
    before = b"\r\n"
    for chunk in chunks:
        yield (before + chunk).replace(b"\r\n.", b"\r\n..")[len(before) :]
        before = (before + chunk)[-2:]
