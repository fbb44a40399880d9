"""Mail servers as the tests see them: where they are, and what an administrator does to folders."""

import shutil
import ssl
from contextlib import contextmanager
from typing import Protocol

from imapclient import IMAPClient, SocketTimeout
from salesorder_m365.simulator.simulator import Simulator
from servers.dovecot import Dovecot


class Backend(Protocol):
    """What both kinds can do."""

    def places(self) -> dict[str, str]: ...
    def create_folder(self, mailbox: str, path: str) -> None: ...
    def rename_folder(self, mailbox: str, old: str, new: str) -> None: ...
    def delete_folder(self, mailbox: str, path: str) -> None: ...


class SimulatedServers:
    """The simulator's own IMAP and SMTP."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self.create_folder = sim.tenant.create_folder
        self.rename_folder = sim.tenant.rename_folder
        self.delete_folder = sim.tenant.delete_folder

    def places(self) -> dict[str, str]:
        """Return the settings that lead here."""
        return {
            "imap": f"localhost:{self._sim.imap_port}",
            "smtp": f"localhost:{self._sim.smtp_port}",
        }


class RealServers:
    """Dovecot's IMAP and a submission server; folders are changed by another client, IMAPClient."""

    def __init__(self, sim: Simulator, dovecot: Dovecot, smtp_port: int) -> None:
        self._sim = sim
        self.dovecot = dovecot
        self.imap_port, self.smtp_port = dovecot.imap_port, smtp_port

    def places(self) -> dict[str, str]:
        """Return the settings that lead here."""
        return {"imap": f"localhost:{self.imap_port}", "smtp": f"localhost:{self.smtp_port}"}

    @contextmanager
    def _client(self, mailbox: str):
        context = ssl.create_default_context(cafile=str(self._sim.ca_file))
        with IMAPClient(
            "localhost", self.imap_port, ssl_context=context, timeout=SocketTimeout(5, 10)
        ) as client:
            client.oauth2_login(mailbox, self._sim.new_token(mailbox))
            yield client

    def create_folder(self, mailbox: str, path: str) -> None:
        with self._client(mailbox) as client:
            client.create_folder(path)

    def rename_folder(self, mailbox: str, old: str, new: str) -> None:
        with self._client(mailbox) as client:
            client.rename_folder(old, new)

    def delete_folder(self, mailbox: str, path: str) -> None:
        with self._client(mailbox) as client:
            client.delete_folder(path)

    def close(self) -> None:
        """Throw all mailboxes away: the next sign-in makes them again."""
        for home in (self.dovecot.directory / "mail").iterdir():
            shutil.rmtree(home)
