"""IDLE (RFC 2177): changes are told as they happen, until the client says DONE."""

import asyncio
import time
from typing import Any

from .... import replies
from .. import words
from ..arguments import Command
from ..errors import HangUpError, ReplyError
from ..session import Session, Verb, Verbs


async def _idle(session: Session, command: Command) -> str:
    command.arguments.end()
    session.answers.line(f"+ {words.IDLE_ACCEPTED}")
    await session.answers.flush()
    done = asyncio.ensure_future(session.reader.line())
    try:
        line = await _tell_until(session, done)
    finally:
        done.cancel()
        # What ended the reading meanwhile, if anything did, is of no interest any more.
        await asyncio.gather(done, return_exceptions=True)
    if line is None or line.upper() != b"DONE":
        raise ReplyError("BAD Command Error. 12")
    return "IDLE completed."


async def _tell_until(session: Session, done: "asyncio.Future[bytes | None]") -> bytes | None:
    """Tell of changes until the client's line comes, the token runs out or it takes too long."""
    begun = time.time()
    while not done.done():
        left = _seconds_left(session, begun)
        await _happened(session, done, left)
        if session.selected is not None:
            _tell(session)
            await session.answers.flush()
    return done.result()


def _tell(session: Session) -> None:
    view = session.view
    if not view.valid:
        raise HangUpError(replies.IMAP_CLOSED)
    for line in view.updates():
        session.answers.line(line)


def _seconds_left(session: Session, begun: float) -> float:
    now = time.time()
    signed_in = session.signed_in
    if signed_in is not None and signed_in.access.expires <= now:
        raise HangUpError(replies.IMAP_TOKEN_EXPIRED)
    idle_until = begun + session.policies.imap_idle_seconds
    if idle_until <= now:
        raise HangUpError(replies.IMAP_IDLE_TOO_LONG)
    expires = idle_until if signed_in is None else signed_in.access.expires
    return min(idle_until, expires) - now


async def _happened(session: Session, done: "asyncio.Future[bytes | None]", seconds: float) -> None:
    """Wait until the client's line comes or the folder changes."""
    changed = session.selected.changed if session.selected is not None else asyncio.Event()
    waiting = asyncio.ensure_future(changed.wait())
    either: list[asyncio.Future[Any]] = [done, waiting]
    try:
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


VERBS: Verbs = {"IDLE": Verb(_idle)}
