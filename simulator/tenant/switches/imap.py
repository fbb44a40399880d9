"""Switches of IMAP."""

from dataclasses import dataclass, field

from ... import replies
from .kinds import shown


@dataclass
class ImapSwitches:
    """What an administrator or a bad day changes for clients that read mail."""

    imap_disabled_for: set[str] = field(
        default_factory=set,
        metadata=shown(
            label="IMAP off for these mailboxes",
            imitates="Set-CASMailbox -ImapEnabled $false.",
            words=replies.IMAP_REFUSED,
            source="Microsoft Learn, Set-CASMailbox; public logs",
        ),
    )
    authenticated_but_not_connected_for: set[str] = field(
        default_factory=set,
        metadata=shown(
            label="Authenticated but not connected",
            imitates="Sign-in answers OK and the next command BAD, then BYE.",
            words=replies.IMAP_NOT_CONNECTED,
            source="email-oauth2-proxy#275, Webklex/php-imap#464",
        ),
    )
    special_use: bool = field(
        default=True,
        metadata=shown(
            label="LIST names the special folders",
            imitates="RFC 6154 attributes \\Sent \\Drafts \\Trash \\Junk.",
            words="\\Sent",
            source="RFC 6154; reports differ for corporate mailboxes",
        ),
    )
    imap_auth_reply: str | None = field(
        default=None,
        metadata=shown(
            label="IMAP sign-in answers",
            imitates="Any reply, verbatim and without the tag, such as: NO AUTHENTICATE failed.",
            source="your own words",
        ),
    )
