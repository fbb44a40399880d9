"""What one connection knows: who signed in, which folder is selected, and whom to answer."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import IntEnum

from ... import replies
from ...identity.tokens import Access
from ...tenant.mailboxes import Mailbox
from ...tenant.policies import Policies
from ..access import MailAccess
from .answers import Answers
from .arguments import Command
from .errors import HangUpError, ReplyError, WrongStateError
from .names import shown
from .reader import CommandReader
from .selected import Selected


@dataclass(frozen=True)
class SignedIn:
    """A successful sign-in."""

    address: str
    access: Access
    reaches_mailbox: bool


class Session:
    """The state of one connection. `sessions` counts those of each mailbox in the whole server."""

    def __init__(
        self, access: MailAccess, reader: CommandReader, answers: Answers, sessions: Counter[str]
    ) -> None:
        self.access = access
        self.reader = reader
        self.answers = answers
        self.rev2 = False
        self.ended = False
        self._sessions = sessions
        self._signed_in: SignedIn | None = None
        self._selected: Selected | None = None

    @property
    def policies(self) -> Policies:
        """The tenant's switches."""
        return self.access.tenant.policies

    @property
    def signed_in(self) -> SignedIn | None:
        """Who signed in."""
        return self._signed_in

    def sign_in(self, signed_in: SignedIn) -> None:
        """Begin the session of a mailbox."""
        self._signed_in = signed_in
        self._sessions[signed_in.address] += 1

    def open_sessions(self, address: str) -> int:
        """Return how many sessions of a mailbox are open."""
        return self._sessions[address]

    @property
    def mailbox(self) -> Mailbox:
        """The mailbox of the one who signed in. Raises WrongStateError."""
        if self._signed_in is None:
            raise WrongStateError
        return self.access.tenant.mailboxes[self._signed_in.address]

    @property
    def selected(self) -> Selected | None:
        """The selected folder, if one is."""
        return self._selected

    @property
    def view(self) -> Selected:
        """The selected folder. Raises WrongStateError if none is."""
        if self._selected is None:
            raise WrongStateError
        return self._selected

    @property
    def writable(self) -> Selected:
        """The selected folder, if it may be changed. Raises WrongStateError or ReplyError."""
        if self.view.read_only:
            raise ReplyError("NO The folder is read-only.")
        return self.view

    def select(self, selected: Selected | None) -> None:
        """Leave the selected folder and enter another one or none."""
        if self._selected is not None:
            self._selected.leave()
        self._selected = selected

    def close(self) -> None:
        """Leave everything; the connection has ended."""
        self.select(None)
        if self._signed_in is not None:
            self._sessions[self._signed_in.address] -= 1
            if not self._sessions[self._signed_in.address]:
                del self._sessions[self._signed_in.address]
            self._signed_in = None

    def shown(self, path: str) -> bytes:
        """Return a folder's name as this client understands it."""
        return shown(path, utf8=self.rev2)

    def untagged(self, text: str | bytes) -> None:
        """Add an untagged answer."""
        self.answers.line(b"* " + (text.encode() if isinstance(text, str) else text))

    async def ask(self, text: str) -> bytes:
        """Send a continuation and return the client's line. Raises HangUpError."""
        self.answers.line(f"+ {text}")
        await self.answers.flush()
        async with self.patience():
            return await self.reader.line() or b""

    @asynccontextmanager
    async def patience(self) -> AsyncIterator[None]:
        """Wait for the client as long as Exchange does. Raises HangUpError after that."""
        try:
            async with asyncio.timeout(self.policies.imap_idle_seconds):
                yield
        except TimeoutError as err:
            raise HangUpError(replies.IMAP_IDLE_TOO_LONG) from err


class Needs(IntEnum):
    """What a command needs: any connection, one signed in, or a selected folder."""

    NOTHING = 0
    SIGN_IN = 1
    FOLDER = 2


@dataclass(frozen=True)
class Verb:
    """A command: what runs it, and when it may come.

    `run` returns the text of the tagged OK. `numbered` commands speak of sequence numbers, so that
    no EXPUNGE may follow them.
    """

    run: Callable[[Session, Command], Awaitable[str]]
    needs: Needs = Needs.SIGN_IN
    takes_uid: bool = False
    numbered: bool = False


Verbs = Mapping[str, Verb]
