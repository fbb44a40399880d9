"""Testing a connection and listing folders with libraries, as their documentation shows it."""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imap_tools import MailBox
from imapclient import IMAPClient


@dataclass(frozen=True)
class Place:
    """Where the servers are, and who signs in."""

    imap_port: int
    smtp_port: int
    ca_file: Path
    user: str
    token: str
    #: What each step gets at most, in seconds.
    timeout: float = 30

    def context(self) -> ssl.SSLContext:
        """Return a TLS context as everybody makes it."""
        return ssl.create_default_context(cafile=str(self.ca_file))


def folders_by_imapclient(place: Place) -> int:
    """Sign in, list the folders, log out."""
    with IMAPClient(
        "localhost", place.imap_port, ssl_context=place.context(), timeout=place.timeout
    ) as client:
        client.oauth2_login(place.user, place.token)
        return len(client.list_folders())


def folders_by_imap_tools(place: Place) -> int:
    """Do the same, without the INBOX that imap-tools would open unasked."""
    box = MailBox("localhost", place.imap_port, timeout=place.timeout, ssl_context=place.context())
    with box.xoauth2(place.user, place.token, initial_folder=None) as mailbox:
        return len(mailbox.folder.list())


def sender_by_smtplib(place: Place) -> None:
    """Sign in, ask whether the sender may send, and quit."""
    blob = f"user={place.user}\x01auth=Bearer {place.token}\x01\x01"
    with smtplib.SMTP("localhost", place.smtp_port, "[127.0.0.1]", place.timeout) as client:
        client.starttls(context=place.context())
        client.ehlo()
        status, _ = client.auth("XOAUTH2", lambda challenge=None: "" if challenge else blob)
        assert status == 235
        status, words = client.mail(place.user)
        assert status == 250, words
        client.rset()


def imapclient_then_smtplib(place: Place) -> None:
    """Test both protocols, one after the other."""
    assert folders_by_imapclient(place)
    sender_by_smtplib(place)


def imap_tools_then_smtplib(place: Place) -> None:
    """Test both protocols, one after the other."""
    assert folders_by_imap_tools(place)
    sender_by_smtplib(place)


LISTS: dict[str, Callable[[Place], int]] = {
    "IMAPClient.list_folders": folders_by_imapclient,
    "imap-tools folder.list": folders_by_imap_tools,
}
TESTS: dict[str, Callable[[Place], None]] = {
    "IMAPClient, then smtplib": imapclient_then_smtplib,
    "imap-tools, then smtplib": imap_tools_then_smtplib,
}
