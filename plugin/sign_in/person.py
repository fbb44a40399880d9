"""Whether the person who signed in is the one whose account it is. Pure."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from ...schemas.mail_address import same_address
from ..store.grants import GrantKind

if TYPE_CHECKING:
    from ..entra.claims import SignedInUser
    from ..store.grants import GrantRow


class Person(Enum):
    """Who signed in, seen from the account's Username and the grant that it had before."""

    #: The Username's person, as far as anybody can tell.
    EXPECTED = auto()
    #: The same person as before, whom Microsoft has given another name since.
    RENAMED = auto()
    #: Somebody new who has the Username's name by now: an address that was given away again.
    REPLACED = auto()
    #: Somebody else.
    ANOTHER = auto()


def person_of(user: SignedInUser, username: str, before: GrantRow | None) -> Person:
    """Return who `user` is for an account with this `username` and grant.

    Tenant and object id are a person's stable key; names can change and be given to others.
    """
    person_before = before is not None and before.kind is GrantKind.PERSON
    same = (
        before is not None
        and person_before
        and (before.tenant_id, before.object_id) == (user.tenant_id, user.object_id)
    )
    if user.is_named(username):
        return Person.REPLACED if person_before and not same else Person.EXPECTED
    # A grant of another Username says nothing: it stays only until the next sign-in.
    if same and before is not None and same_address(before.username, username):
        return Person.RENAMED
    return Person.ANOTHER
