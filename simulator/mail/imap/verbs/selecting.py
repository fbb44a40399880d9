"""Commands that enter and leave a folder: SELECT, EXAMINE, CLOSE, UNSELECT."""

from ....tenant.folders import FLAGS
from ..arguments import Command
from ..selected import Selected
from ..session import Needs, Session, Verb, Verbs
from .folders import find_folder

_FLAGS = " ".join(FLAGS)


async def _select(session: Session, command: Command) -> str:
    command.arguments.space()
    path = command.arguments.mailbox()
    command.arguments.end()
    session.select(None)
    read_only = command.verb == "EXAMINE"
    view = Selected(find_folder(session, path), read_only=read_only)
    session.select(view)
    for line in _state(view):
        session.untagged(line)
    return f"[{'READ-ONLY' if read_only else 'READ-WRITE'}] {command.verb} completed."


def _state(view: Selected) -> list[str]:
    """Return the lines in Exchange's order."""
    unseen = view.first_unseen()
    return [
        f"{view.count} EXISTS",
        f"{view.recent} RECENT",
        f"FLAGS ({_FLAGS})",
        f"OK [PERMANENTFLAGS ({'' if view.read_only else _FLAGS})] Permanent flags",
        *([f"OK [UNSEEN {unseen}] Is the first unseen message"] if unseen else []),
        f"OK [UIDVALIDITY {view.folder.uid_validity}] UIDVALIDITY value",
        f"OK [UIDNEXT {view.folder.uid_next}] The next unique identifier value",
    ]


async def _close(session: Session, command: Command) -> str:
    """CLOSE removes what is marked as deleted; after EXAMINE it removes nothing and is OK."""
    command.arguments.end()
    view = session.view
    if not view.read_only:
        folder = view.folder
        folder.remove([m for _, m in view.all() if "\\Deleted" in m.flags])
    session.select(None)
    return "CLOSE completed."


async def _unselect(session: Session, command: Command) -> str:
    command.arguments.end()
    session.select(None)
    return "UNSELECT completed."


VERBS: Verbs = {
    "SELECT": Verb(_select),
    "EXAMINE": Verb(_select),
    "CLOSE": Verb(_close, Needs.FOLDER),
    "UNSELECT": Verb(_unselect, Needs.FOLDER),
}
