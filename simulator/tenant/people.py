"""The people and mailboxes of the tenant Contoso: functions of a company, not persons."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

DOMAIN = "contoso.test"
TENANT_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, DOMAIN))
PASSWORD = "contoso"  # noqa: S105


class Layout(StrEnum):
    """Which folders a mailbox begins with."""

    ENGLISH = "english"
    GERMAN = "german"
    LARGE = "large"

    @property
    def names_special_folders(self) -> bool:
        """Whether LIST gives special-use attributes; evidence for corporate mailboxes differs."""
        return self is not Layout.GERMAN

    @property
    def language(self) -> str:
        """The mailbox's language, in which Exchange writes reports and automatic replies."""
        return "de" if self is Layout.GERMAN else "en"


@dataclass(frozen=True)
class Person:
    """Somebody of the tenant, or a shared mailbox, which nobody signs in to."""

    address: str
    name: str
    layout: Layout = Layout.ENGLISH
    administrator: bool = False
    signs_in: bool = True

    @property
    def oid(self) -> str:
        """The directory's object id, the same in every run."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.address))


PEOPLE: Mapping[str, Person] = MappingProxyType(
    {
        person.address: person
        for person in (
            Person("sales@contoso.test", "Sales Desk"),
            Person("purchasing@contoso.test", "Purchasing"),
            Person("invoices@contoso.test", "Accounts Receivable", Layout.GERMAN),
            Person("archive@contoso.test", "Archive Room", Layout.LARGE),
            Person("admin@contoso.test", "Administrator", administrator=True),
            Person("info@contoso.test", "Information", signs_in=False),
            Person("orders@contoso.test", "Orders", signs_in=False),
        )
    }
)

#: (mailbox, delegate): Full Access, as `Add-MailboxPermission -AccessRights FullAccess` gives it
FULL_ACCESS = frozenset(
    {
        ("info@contoso.test", "sales@contoso.test"),
        ("orders@contoso.test", "sales@contoso.test"),
    }
)
#: (mailbox, delegate): SendAs, as `Add-RecipientPermission -AccessRights SendAs` gives it
SEND_AS = frozenset({("info@contoso.test", "sales@contoso.test")})
