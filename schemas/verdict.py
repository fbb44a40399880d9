"""What a mail server's refusal is about: this moment, one message, or everything of a tenant."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """How far a refusal reaches. Nobody is blamed for what is not known: that is `PASSING`."""

    #: The moment: the same can succeed later, with nothing changed.
    PASSING = "passing"
    #: This message: it will not be taken as it is.
    MESSAGE = "message"
    #: One recipient of a message.
    RECIPIENT = "recipient"
    #: The account: no message of it will be taken until somebody acts.
    ACCOUNT = "account"
    #: The customer's whole tenant.
    TENANT = "tenant"
    #: The ERP: its app registration, its settings or its server. All accounts are concerned.
    REGISTRATION = "registration"
