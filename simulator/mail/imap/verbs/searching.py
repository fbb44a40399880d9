"""SEARCH; with IMAP4rev2 it may RETURN an ESEARCH (RFC 4731, RFC 9051)."""

import asyncio

from ..arguments import Command
from ..criteria import Test, read_criteria
from ..errors import BadArgumentError
from ..items import LARGE_TO_PARSE
from ..searchable import Searchable
from ..selected import Selected
from ..session import Needs, Session, Verb, Verbs
from ..sets import compact

#: messages looked at before others have their turn
_AT_ONCE = 50


async def _search(session: Session, command: Command) -> str:
    arguments = command.arguments
    arguments.space()
    returned = _returned(session, command) if arguments.take(b"RETURN ") else None
    test = read_criteria(arguments)
    numbers = await _found(session.view, test, by_uid=command.by_uid)
    if returned is None and session.rev2:
        returned = ["ALL"]
    if returned is None:
        session.untagged(" ".join(["SEARCH", *map(str, numbers)]))
    else:
        session.untagged(_extended(command, returned, numbers))
    return "SEARCH completed."


def _returned(session: Session, command: Command) -> list[str]:
    """Read `(MIN COUNT) `; without a word in it ALL is meant."""
    if not session.policies.imap4rev2:
        raise BadArgumentError
    arguments = command.arguments
    arguments.expect(b"(")
    asked: list[str] = []
    while not arguments.take(b")"):
        if asked:
            arguments.space()
        asked.append(arguments.word())
    arguments.space()
    if not set(asked) <= {"ALL", "COUNT", "MAX", "MIN"}:
        raise BadArgumentError
    return asked or ["ALL"]


def _extended(command: Command, returned: list[str], numbers: list[int]) -> str:
    values = {"COUNT": str(len(numbers))}
    if numbers:
        values |= {"ALL": compact(numbers), "MIN": str(numbers[0]), "MAX": str(numbers[-1])}
    shown = [f"{name} {values[name]}" for name in returned if name in values]
    uid = ["UID"] if command.by_uid else []
    return " ".join([f'ESEARCH (TAG "{command.tag}")', *uid, *shown])


async def _found(view: Selected, test: Test, *, by_uid: bool) -> list[int]:
    """Return the numbers or UIDs of the messages that pass, in ascending order."""
    messages = view.all()
    greatest_uid = messages[-1][1].uid if messages else 0
    found: list[int] = []
    for number, message in messages:
        one = Searchable(message, number, view.is_recent(message), len(messages), greatest_uid)
        large = len(message.content) >= LARGE_TO_PARSE
        if await asyncio.to_thread(test, one) if large else test(one):
            found.append(message.uid if by_uid else number)
        if number % _AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


VERBS: Verbs = {"SEARCH": Verb(_search, Needs.FOLDER, takes_uid=True, numbered=True)}
