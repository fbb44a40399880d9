"""The permissions that hooks ask the host for, and the worker that stands for the system."""

from __future__ import annotations

from enum import StrEnum

#: The worker of scheduled jobs, and of events that nobody known has caused: a host's `allows` may
#: treat it as it likes.
SYSTEM = "m365:system"


class Permission(StrEnum):
    """What a hook asks ``host.allows`` for."""

    VIEW = "mail_accounts.view"
    CREATE = "mail_accounts.create"
    EDIT = "mail_accounts.edit"
    DELETE = "mail_accounts.delete"
    CONNECT = "mail_accounts.connect"
    TEST = "mail_accounts.test"
    MAP_FOLDERS = "mail_accounts.map_folders"
    #: Making Microsoft 365 accounts of the host's Generic accounts, deleting these, putting back.
    REPLACE = "mail_accounts.replace"
    #: Previewing and sending mail through an account, and seeing what became of it.
    SEND = "mail_accounts.send"
    #: Opening an account's mailbox with the host's own programs.
    USE = "mail_accounts.use"
    #: Deciding what becomes of a mail: taking it back, sending it again, giving it up.
    DECIDE = "mail_accounts.decide"
    #: Running the jobs and seeing the health of all accounts together.
    MAINTAIN = "mail_accounts.maintain"
