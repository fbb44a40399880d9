"""Switches of SMTP sign-in and of who may send as whom."""

from dataclasses import dataclass, field
from typing import Literal

from ... import replies
from .kinds import shown


@dataclass
class SmtpSwitches:
    """What an administrator or a bad day changes for clients that send mail."""

    smtp_auth_disabled: bool = field(
        default=False,
        metadata=shown(
            label="SMTP AUTH off for the organization",
            imitates="Exchange admin center, Mail flow: “Turn off SMTP AUTH protocol for your "
            "organization”.",
            words=replies.SMTP_TENANT_DISABLED,
            source="Microsoft Learn, authenticated client SMTP submission; public logs",
        ),
    )
    smtp_auth_disabled_for: set[str] = field(
        default_factory=set,
        metadata=shown(
            label="SMTP AUTH off for these mailboxes",
            imitates="Set-CASMailbox -SmtpClientAuthenticationDisabled $true.",
            words=replies.SMTP_MAILBOX_DISABLED,
            source="Microsoft Learn, Set-CASMailbox; words for a mailbox not seen verbatim",
        ),
    )
    security_defaults: bool = field(
        default=False,
        metadata=shown(
            label="Security defaults",
            imitates="Entra's security defaults.",
            words=replies.SMTP_SECURITY_DEFAULTS,
            source="public logs",
        ),
    )
    inspected: bool = field(
        default=False,
        metadata=shown(
            label="A device opens mail connections",
            imitates="A firewall or virus scanner that shows its own certificate instead of "
            "Microsoft's, for IMAP and SMTP.",
            words="Contoso Firewall",
            source="no words of Microsoft's",
        ),
    )
    send_as_checked_at: Literal["mail_from", "data"] = field(
        default="data",
        metadata=shown(
            label="SendAs is checked at",
            imitates="When Exchange refuses an address that the user may not send as.",
            words="554 5.2.252 SendAsDenied",
            source="after DATA in every public log that shows the stage",
            options={"data": "after DATA", "mail_from": "MAIL FROM"},
        ),
    )
    smtp_auth_reply: str | None = field(
        default=None,
        metadata=shown(
            label="SMTP sign-in answers",
            imitates="Any reply, verbatim: 454 4.7.0 Temporary authentication failure",
            source="your own words",
        ),
    )
    mail_from_reply: str | None = field(
        default=None,
        metadata=shown(
            label="MAIL FROM answers",
            imitates="Any reply, verbatim: 451 4.7.0 Temporary server error. PRX4",
            source="your own words",
        ),
    )
