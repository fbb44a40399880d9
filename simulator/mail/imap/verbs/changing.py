"""Commands that change messages: STORE, EXPUNGE, COPY, MOVE, APPEND (UIDPLUS: RFC 4315)."""

from ....tenant.folders import Folder, Message
from .. import words
from ..arguments import Command
from ..errors import ReplyError
from ..selected import Numbered
from ..session import Needs, Session, Verb, Verbs
from ..sets import compact


async def _store(session: Session, command: Command) -> str:
    arguments = command.arguments
    arguments.space()
    numbers = arguments.number_set()
    arguments.space()
    sign = "+" if arguments.take(b"+") else "-" if arguments.take(b"-") else ""
    arguments.expect(b"FLAGS")
    silent = arguments.take(b".SILENT")
    arguments.space()
    given = frozenset(arguments.flags())
    arguments.end()
    view = session.writable
    for number, message in view.find(numbers, by_uid=command.by_uid):
        with view.silence():
            view.folder.set_flags(message, _combined(message.flags, sign, given))
        if not silent:
            uid = f" UID {message.uid}" if command.by_uid else ""
            session.untagged(f"{number} FETCH (FLAGS {view.flags_of(message)}{uid})")
        await session.answers.breathe()
    return "STORE completed."


def _combined(flags: frozenset[str], sign: str, given: frozenset[str]) -> frozenset[str]:
    if sign == "+":
        return flags | given
    if sign == "-":
        lowered = {flag.lower() for flag in given}
        return frozenset(flag for flag in flags if flag.lower() not in lowered)
    return given


async def _expunge(session: Session, command: Command) -> str:
    """EXPUNGE, and UID EXPUNGE of a set; the untagged lines follow with the other updates."""
    numbers = None
    if command.by_uid:
        command.arguments.space()
        numbers = command.arguments.number_set()
    command.arguments.end()
    view = session.writable
    messages = view.all() if numbers is None else view.find(numbers, by_uid=True)
    view.folder.remove([m for _, m in messages if "\\Deleted" in m.flags])
    return "EXPUNGE completed."


async def _copy(session: Session, command: Command) -> str:
    view = session.writable if command.verb == "MOVE" else session.view
    messages, target = _transfer(session, command)
    pairs = [(message, _copied(message, target)) for _, message in messages]
    code = _copied_uids(pairs, target)
    if command.verb == "COPY":
        return f"{code}COPY completed."
    if code:
        session.untagged(f"OK {code.rstrip()}")
    view.folder.remove([message for message, _ in pairs])
    return "MOVE completed."


def _transfer(session: Session, command: Command) -> tuple[list[Numbered], Folder]:
    arguments = command.arguments
    arguments.space()
    numbers = arguments.number_set()
    arguments.space()
    path = arguments.mailbox()
    arguments.end()
    return session.view.find(numbers, by_uid=command.by_uid), _target(session, path)


def _target(session: Session, path: str) -> Folder:
    try:
        return session.mailbox.find(path)
    except KeyError as err:
        raise ReplyError(words.NO_SUCH_TARGET) from err


def _copied(message: Message, target: Folder) -> Message:
    return target.append(message.content, message.flags, message.received)


def _copied_uids(pairs: list[tuple[Message, Message]], target: Folder) -> str:
    if not pairs:
        return ""
    from_uids = compact([message.uid for message, _ in pairs])
    to_uids = compact([copy.uid for _, copy in pairs])
    return f"[COPYUID {target.uid_validity} {from_uids} {to_uids}] "


async def _append(session: Session, command: Command) -> str:
    arguments = command.arguments
    arguments.space()
    path = arguments.mailbox()
    arguments.space()
    flags: list[str] = []
    if arguments.sees(b"("):
        flags = arguments.flags()
        arguments.space()
    received = arguments.date_time() if arguments.sees(b'"') else None
    if received is not None:
        arguments.space()
    content = arguments.literal()
    arguments.end()
    target = _target(session, path)
    message = target.append(content, flags, received)
    return f"[APPENDUID {target.uid_validity} {message.uid}] APPEND completed."


VERBS: Verbs = {
    "STORE": Verb(_store, Needs.FOLDER, takes_uid=True, numbered=True),
    "EXPUNGE": Verb(_expunge, Needs.FOLDER, takes_uid=True),
    "COPY": Verb(_copy, Needs.FOLDER, takes_uid=True),
    "MOVE": Verb(_copy, Needs.FOLDER, takes_uid=True),
    "APPEND": Verb(_append),
}
