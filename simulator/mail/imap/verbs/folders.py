"""Commands about folders: LIST, LSUB, STATUS, CREATE, DELETE, RENAME, SUBSCRIBE."""

from collections.abc import Container, Iterator

from ....tenant.folders import Folder
from ....tenant.mailboxes import INBOX, Mailbox, canonical
from ..arguments import Command
from ..errors import BadArgumentError, ReplyError
from ..names import encoded, matches
from ..session import Session, Verb, Verbs

_LONGEST_LEVEL = 255


def find_folder(session: Session, path: str) -> Folder:
    """Return a folder of the mailbox, or refuse the command in Exchange's words."""
    try:
        return session.mailbox.find(path)
    except KeyError as err:
        raise ReplyError(f"NO {encoded(path).decode()} doesn't exist.") from err


async def _list(session: Session, command: Command) -> str:
    pattern = _asked(command)
    if not pattern:
        session.untagged(rb'LIST (\Noselect \HasChildren) "/" ""')
        return "LIST completed."
    mailbox = session.mailbox
    above = _paths_above(mailbox)
    for path in dict.fromkeys([*mailbox.folders, *above]):
        if _matches(pattern, path):
            attributes = " ".join(_attributes(mailbox, path, above)).encode()
            session.untagged(b'LIST (%b) "/" %b' % (attributes, session.shown(path)))
        await session.answers.breathe()
    return "LIST completed."


async def _lsub(session: Session, command: Command) -> str:
    pattern = _asked(command)
    mailbox = session.mailbox
    for path in mailbox.folders:
        if path not in mailbox.unsubscribed and _matches(pattern, path):
            session.untagged(b'LSUB () "/" %b' % session.shown(path))
        await session.answers.breathe()
    return "LSUB completed."


def _asked(command: Command) -> str:
    """Read reference and pattern; the two together are the pattern that counts."""
    command.arguments.space()
    reference = command.arguments.mailbox()
    command.arguments.space()
    pattern = command.arguments.pattern()
    command.arguments.end()
    return reference + pattern if pattern else ""


def _matches(pattern: str, path: str) -> bool:
    return matches(pattern, path) or (path == INBOX and matches(pattern.upper(), path))


def _paths_above(mailbox: Mailbox) -> dict[str, None]:
    """Return the paths that have folders inside them; some may be missing themselves."""
    above: dict[str, None] = {}
    for path in mailbox.folders:
        while (path := path.rpartition("/")[0]) and path not in above:
            above[path] = None
    return above


def _attributes(mailbox: Mailbox, path: str, above: Container[str]) -> Iterator[str]:
    folder = mailbox.folders.get(path)
    if folder is None:
        yield "\\Noselect"
    elif folder.has_unseen:
        yield "\\Marked"
    yield "\\HasChildren" if path in above else "\\HasNoChildren"
    special = mailbox.special_use(path)
    if special is not None:
        yield f"\\{special}"


async def _status(session: Session, command: Command) -> str:
    command.arguments.space()
    path = command.arguments.mailbox()
    command.arguments.space()
    command.arguments.expect(b"(")
    asked = [command.arguments.word()]
    while command.arguments.take(b" "):
        asked.append(command.arguments.word())
    command.arguments.expect(b")")
    command.arguments.end()
    figures = _figures(find_folder(session, path))
    if not set(asked) <= figures.keys():
        raise BadArgumentError
    values = " ".join(f"{name} {figures[name]}" for name in asked)
    session.untagged(b"STATUS %b (%b)" % (session.shown(canonical(path)), values.encode()))
    return "STATUS completed."


def _figures(folder: Folder) -> dict[str, int]:
    return {
        "MESSAGES": len(folder.messages),
        "RECENT": sum(message.uid >= folder.first_recent for message in folder.messages),
        "UIDNEXT": folder.uid_next,
        "UIDVALIDITY": folder.uid_validity,
        "UNSEEN": sum("\\Seen" not in message.flags for message in folder.messages),
    }


async def _create(session: Session, command: Command) -> str:
    path = _one_name(command).removesuffix("/")
    _check_new(path)
    try:
        session.mailbox.create(path)
    except ValueError as err:
        raise ReplyError("NO Folder already exists.") from err
    return "CREATE completed."


async def _delete(session: Session, command: Command) -> str:
    path = _one_name(command)
    folder = find_folder(session, path)
    if canonical(path) == INBOX or folder.role is not None:
        raise ReplyError("NO Cannot delete a default folder.")
    session.mailbox.delete(path)
    return "DELETE completed."


async def _rename(session: Session, command: Command) -> str:
    command.arguments.space()
    old = command.arguments.mailbox()
    new = _one_name(command).removesuffix("/")
    find_folder(session, old)
    _check_new(new)
    try:
        session.mailbox.rename(old, new)
    except KeyError as err:
        raise ReplyError("NO Cannot rename a default folder.") from err
    except ValueError as err:
        raise ReplyError("NO Folder already exists.") from err
    return "RENAME completed."


async def _subscribe(session: Session, command: Command) -> str:
    path = canonical(_one_name(command))
    find_folder(session, path)
    session.mailbox.unsubscribed.discard(path)
    return "SUBSCRIBE completed."


async def _unsubscribe(session: Session, command: Command) -> str:
    path = canonical(_one_name(command))
    find_folder(session, path)
    session.mailbox.unsubscribed.add(path)
    return "UNSUBSCRIBE completed."


def _one_name(command: Command) -> str:
    command.arguments.space()
    path = command.arguments.mailbox()
    command.arguments.end()
    return path


def _check_new(path: str) -> None:
    levels = path.split("/")
    if not all(level.strip() and len(level) <= _LONGEST_LEVEL for level in levels):
        raise ReplyError("NO The folder name is not valid.")


VERBS: Verbs = {
    "LIST": Verb(_list),
    "LSUB": Verb(_lsub),
    "STATUS": Verb(_status),
    "CREATE": Verb(_create),
    "DELETE": Verb(_delete),
    "RENAME": Verb(_rename),
    "SUBSCRIBE": Verb(_subscribe),
    "UNSUBSCRIBE": Verb(_unsubscribe),
}
