"""Signed-in connections for a host's own mail pipeline: of smtplib and of IMAPClient.

They take the host, because a value can neither renew a token nor lease a connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .implementations import use_cases

if TYPE_CHECKING:
    import smtplib
    from typing import Any

    from ..schemas.host import Host


def smtp_connection(host: Host, account_id: str, worker: str) -> smtplib.SMTP:
    """Return a signed-in ``smtplib.SMTP``; `quit`, `close` and the end of ``with`` give it back.

    It holds one of the mailbox's connections over all processes, for five minutes from the last
    command on; after that the next command raises ``SMTPServerDisconnected`` before anything is
    sent. Each MAIL takes its place in the limit of messages a minute, or answers 451 after
    `mail_timeout` seconds. A refused token is renewed once. Never share it over accounts.

    Raises smtplib's classes: a 4yz code means to try again later, a 5yz code that somebody must
    act. Raises ``NotAllowedError`` (``mail_accounts.use``), ``NoSuchAccountError``, and
    ``SignInNeededError`` or ``RegistrationError``, which should stop a queue: they are about the
    account, not about a mail.
    """
    return use_cases(host).access.smtp(account_id, worker)


def imap_connection(host: Host, account_id: str, worker: str) -> Any:
    """Return a signed-in ``imapclient.IMAPClient``; `logout` and the end of ``with`` close it.

    A refused token is renewed once. Each operation ends after 30 seconds at most.

    Raises ``NotAllowedError`` (``mail_accounts.use``), ``NoSuchAccountError``,
    ``SignInNeededError``, ``RegistrationError``, ``UnavailableError``, ``MailError``.
    """
    return use_cases(host).access.imap(account_id, worker)
