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
    imap_behind_proxy: bool = field(
        default=False,
        metadata=shown(
            label="The front end of 2026",
            imitates="Another greeting, LOGINDISABLED and no AUTH=PLAIN before sign-in.",
            words=replies.IMAP_PROXY_GREETING,
            source="MailKit#2016, imapflow#392",
        ),
    )
    imap4rev2: bool = field(
        default=False,
        metadata=shown(
            label="IMAP4rev2",
            imitates="Some tenants in 2026: ENABLE and IMAP4rev2 after sign-in.",
            words="ENABLE IMAP4rev2",
            source="MailKit#2016, imapflow#392",
        ),
    )
    imap_sessions: int = field(
        default=20,
        metadata=shown(
            label="Sessions that a mailbox may have open",
            imitates="The limit of sessions, at sign-in; the number is what other clients assume.",
            words=replies.IMAP_TOO_MANY_SESSIONS,
            source="public logs",
        ),
    )
    imap_idle_seconds: int = field(
        default=1800,
        metadata=shown(
            label="Seconds after which a silent client is sent away",
            imitates="Set-ImapSettings -AuthenticatedConnectionTimeout, 30 minutes; IDLE too.",
            words=replies.IMAP_IDLE_TOO_LONG,
            source="Microsoft Learn, Set-ImapSettings; public logs",
        ),
    )
    imap_throttled: int | None = field(
        default=None,
        metadata=shown(
            label="Throttled, backoff time in milliseconds",
            imitates="Every command after sign-in is refused, then BYE.",
            words=replies.IMAP_THROTTLED,
            source="imapsync#272",
        ),
    )
    imap_withheld: str | None = field(
        default=None,
        metadata=shown(
            label="FETCH leaves out messages that contain",
            imitates="Messages that Exchange cannot convert: FETCH answers OK without them.",
            source="public logs; the text is yours",
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
