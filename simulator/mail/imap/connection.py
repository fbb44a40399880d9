"""One connection: reads commands, lets them run, and answers whatever happens in them."""

import asyncio
import logging
import time
import traceback
from collections import Counter

from ... import replies
from ..access import MailAccess
from . import words
from .answers import Answers
from .arguments import Command
from .errors import HangUpError, ReplyError, UnknownCommandError, WrongStateError
from .reader import CommandReader, TaggedError
from .session import Needs, Session, Verb
from .verbs import ALL

_log = logging.getLogger(__name__)


class Connection:
    """Speaks IMAP with one client. What goes wrong in a command is told to this client only."""

    def __init__(
        self,
        access: MailAccess,
        stream: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sessions: Counter[str],
    ) -> None:
        self._answers = Answers(writer)
        self._reader = CommandReader(stream, self._go_on)
        self._session = Session(access, self._reader, self._answers, sessions)

    async def _go_on(self, text: str) -> None:
        self._answers.line(f"+ {text}")
        await self._answers.flush()

    async def run(self) -> None:
        """Converse until the client leaves or is told to."""
        policies = self._session.policies
        greeting = words.proxy_greeting() if policies.imap_behind_proxy else words.GREETING
        self._session.untagged(f"OK {greeting}")
        await self._answers.flush()
        try:
            while not self._session.ended:
                await self._one_command()
                await self._answers.flush()
        except HangUpError as err:
            for line in err.lines:
                self._answers.line(line)
            await self._answers.flush()
        finally:
            self._session.close()

    async def _one_command(self) -> None:
        try:
            command = await self._read()
        except TaggedError as err:
            self._answers.line(f"{err.tag} {err.reply}")
            return
        command.arguments.utf8_names = self._session.rev2
        self._check_session()
        verb = ALL.get(command.verb)
        reply = await self._reply(command, verb)
        self._tell_updates(command, verb)
        first, *more = reply.splitlines() or [""]
        self._answers.line(f"{command.tag} {first}")
        for line in more:
            self._answers.line(line)
        self._session.ended |= any(line.startswith("* BYE") for line in more)

    async def _read(self) -> Command:
        """Return the next command; a client that is silent for too long is sent away."""
        async with self._session.patience():
            return await self._reader.command(may_append=self._session.signed_in is not None)

    def _check_session(self) -> None:
        """End a session whose token or whose folder is no longer valid."""
        signed_in, selected = self._session.signed_in, self._session.selected
        if signed_in is not None and signed_in.access.expires <= time.time():
            raise HangUpError(replies.IMAP_TOKEN_EXPIRED)
        if selected is not None and not selected.valid:
            raise HangUpError(replies.IMAP_CLOSED)

    async def _reply(self, command: Command, verb: Verb | None) -> str:
        """Run a command and return what its tag is answered with."""
        try:
            return f"OK {await self._allowed(command, verb).run(self._session, command)}"
        except ReplyError as err:
            return err.reply
        except HangUpError:
            raise
        except Exception as err:  # noqa: BLE001 - no command may end more than itself
            # Not the error's text, which may quote what the client sent.
            where = "".join(traceback.format_tb(err.__traceback__))
            _log.error("%s failed with %s at\n%s", command.verb, type(err).__name__, where)
            return "BAD Command Error. 10"

    def _allowed(self, command: Command, verb: Verb | None) -> Verb:
        session = self._session
        if session.signed_in is not None:
            if not session.signed_in.reaches_mailbox:
                raise ReplyError(f"{replies.IMAP_NOT_CONNECTED}\n{replies.IMAP_CLOSED}")
            if session.policies.imap_throttled is not None and command.verb != "LOGOUT":
                raise ReplyError(
                    f"{words.throttled(session.policies.imap_throttled)}\n{replies.IMAP_CLOSED}"
                )
        if verb is None or (command.by_uid and not verb.takes_uid):
            raise UnknownCommandError
        if verb.needs >= Needs.SIGN_IN and session.signed_in is None:
            raise WrongStateError
        if verb.needs is Needs.FOLDER and session.selected is None:
            raise WrongStateError
        return verb

    def _tell_updates(self, command: Command, verb: Verb | None) -> None:
        """Tell what changed in the selected folder meanwhile."""
        selected = self._session.selected
        if selected is None or not selected.valid:
            return
        numbered = verb is not None and verb.numbered and not command.by_uid
        for line in selected.updates(expunges=not numbered):
            self._answers.line(line)
