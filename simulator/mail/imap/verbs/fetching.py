"""FETCH: the answer of each message is written as soon as it is made."""

import asyncio

from ....tenant.folders import Message
from ..arguments import Command
from ..items import FLAGS, UID, Content, Item, read_items
from ..selected import Selected
from ..session import Needs, Session, Verb, Verbs


async def _fetch(session: Session, command: Command) -> str:
    arguments = command.arguments
    arguments.space()
    numbers = arguments.number_set()
    arguments.space()
    items = read_items(arguments)
    arguments.end()
    if command.by_uid and UID not in items:
        items.insert(0, UID)
    view = session.view
    withheld = session.policies.imap_withheld
    for number, message in view.find(numbers, by_uid=command.by_uid):
        if withheld is None or withheld.encode() not in message.content:
            answer = await _answer(view, message, items)
            session.untagged(b"%d FETCH (%b)" % (number, answer))
        await session.answers.breathe()
    return "FETCH completed."


async def _answer(view: Selected, message: Message, items: list[Item]) -> bytes:
    marks = any(item.sets_seen for item in items) and not view.read_only
    if marks and "\\Seen" not in message.flags:
        with view.silence():
            view.folder.set_flags(message, message.flags | {"\\Seen"})
        items = items if FLAGS in items else [*items, FLAGS]
    if any(item.is_slow_for(message) for item in items):
        return await asyncio.to_thread(_values, view, message, items)
    return _values(view, message, items)


def _values(view: Selected, message: Message, items: list[Item]) -> bytes:
    content = Content(message)
    return b" ".join(b"%b %b" % (item.label, _value(view, content, item)) for item in items)


def _value(view: Selected, content: Content, item: Item) -> bytes:
    if item is UID:
        return b"%d" % content.message.uid
    if item.value is None:
        return view.flags_of(content.message).encode()
    return item.value(content)


VERBS: Verbs = {"FETCH": Verb(_fetch, Needs.FOLDER, takes_uid=True, numbered=True)}
