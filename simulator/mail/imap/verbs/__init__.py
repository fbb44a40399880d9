"""The commands, by groups."""

from ..session import Verbs
from . import authentication, changing, fetching, folders, idling, searching, selecting

ALL: Verbs = {
    **authentication.VERBS,
    **folders.VERBS,
    **selecting.VERBS,
    **changing.VERBS,
    **fetching.VERBS,
    **searching.VERBS,
    **idling.VERBS,
}
