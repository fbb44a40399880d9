"""``smtplib.SMTP`` as a host's own program gets it: signed in, leased, within the limits.

It raises what smtplib raises, so that hosts which retry on a 4yz reply go on doing so.
"""

from __future__ import annotations

import smtplib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ...schemas.verdict import Verdict
from ..wire.deadline import Deadline
from .held import Lease

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..errors import MailError
    from .held import Held

#: Codes for what had no reply, by what programs make of them (RFC 5321 §4.2.1).
_PASSING, _LASTING = 421, 550
#: What MAIL answers where the limits have no place for a message (RFC 5321 §4.2.1: try again).
NO_PLACE = (451, b"4.7.0 The sending limit of this mailbox is reached. Try again later.")


class HeldSMTP(smtplib.SMTP):
    """A connection that ends with its lease: `quit`, `close` and the end of ``with`` give it back.

    Before every command the lease is looked at: once it has run out, ``SMTPServerDisconnected`` is
    raised before anything is sent. Each MAIL takes a place in the submitter's limits.
    """

    def __init__(self, own_name: str) -> None:
        super().__init__(local_hostname=own_name)
        self._held: Held | None = None
        self._lease: Lease | None = None
        self._seconds = self._reply_seconds = 0.0
        self._connection = ExitStack()
        self._recipients = 0

    def hold(
        self, held: Held, connection: ExitStack, *, lease: float, seconds: float, reply: float
    ) -> None:
        """Begin to be held: `connection` is closed with it; times are in seconds."""
        self._held, self._connection = held, connection
        self._lease = Lease(lease, held.renew)
        self._seconds, self._reply_seconds = seconds, reply

    def send(self, s: Any) -> None:
        """Send, unless the lease has run out."""
        if self._lease is not None and not self._lease.holds():
            self.close()
            raise smtplib.SMTPServerDisconnected(
                "The lease of this connection has run out. Open a new one."
            )
        super().send(s)

    def docmd(self, cmd: str, args: str = "") -> tuple[int, bytes]:
        """Send a command and return the reply, within the time for one."""
        with self._in_time(self._seconds):
            return super().docmd(cmd, args)

    def mail(self, sender: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """Begin a message, if the submitter's limits have a place for it."""
        if self._held is not None and not self._held.place():
            return NO_PLACE
        self._recipients = 0
        with self._in_time(self._seconds):
            return super().mail(sender, options)

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> tuple[int, bytes]:
        """Name a recipient."""
        with self._in_time(self._seconds):
            status, words = super().rcpt(recip, options)
        self._recipients += status in {250, 251}
        return status, words

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Send the message and wait for the reply, which may take ten minutes (RFC 5321 §4.5.3)."""
        if self._held is not None:
            self._held.count(self._recipients)
        with self._in_time(self._reply_seconds):
            return super().data(msg)

    def _in_time(self, seconds: float) -> Any:
        return Deadline.after(seconds or 30.0).applied()

    def close(self) -> None:
        """Close the connection and give it back."""
        held, self._held, self._lease = self._held, None, None
        super().close()
        if held is not None:
            held.release()
            self._connection.close()


def busy(words: str) -> smtplib.SMTPConnectError:
    """Return smtplib's error for what passes: hosts try a 4yz code again."""
    return smtplib.SMTPConnectError(_PASSING, words.encode("utf-8", "replace"))


def as_smtplibs(err: MailError) -> smtplib.SMTPResponseException:
    """Return the error that smtplib would raise, with a code that says whether to try again."""
    words = (err.server_words or str(err)).encode("utf-8", "replace")
    status = err.status or (_PASSING if err.verdict is Verdict.PASSING else _LASTING)
    if err.stage == "sign_in":
        return smtplib.SMTPAuthenticationError(status, words)
    return smtplib.SMTPConnectError(status, words)
