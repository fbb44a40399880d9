"""What an administrator of the tenant may switch, and what each switch imitates."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Literal

SendAsChecked = Literal["mail_from", "data"]


def _shown(label: str, imitates: str) -> dict[str, str]:
    return {"label": label, "imitates": imitates}


@dataclass
class Policies:
    """The tenant's policies. Every one may be changed at any time and takes effect at once."""

    smtp_auth_disabled: bool = field(
        default=False,
        metadata=_shown(
            label="SMTP AUTH off for the organization",
            imitates="Exchange admin center, Mail flow: “Turn off SMTP AUTH protocol for your "
            "organization”. SMTP sign-in answers 535 5.7.139.",
        ),
    )
    smtp_auth_disabled_for: set[str] = field(
        default_factory=set,
        metadata=_shown(
            label="SMTP AUTH off for these mailboxes",
            imitates="Set-CASMailbox -SmtpClientAuthenticationDisabled $true.",
        ),
    )
    security_defaults: bool = field(
        default=False,
        metadata=_shown(
            label="Security defaults",
            imitates="Entra's security defaults: SMTP sign-in answers 535 5.7.139, user is locked.",
        ),
    )
    imap_disabled_for: set[str] = field(
        default_factory=set,
        metadata=_shown(
            label="IMAP off for these mailboxes",
            imitates="Set-CASMailbox -ImapEnabled $false. IMAP sign-in answers NO.",
        ),
    )
    authenticated_but_not_connected_for: set[str] = field(
        default_factory=set,
        metadata=_shown(
            label="Authenticated but not connected",
            imitates="IMAP sign-in answers OK and the next command BAD, then BYE.",
        ),
    )
    inspected: bool = field(
        default=False,
        metadata=_shown(
            label="A device opens mail connections",
            imitates="A firewall or virus scanner that shows its own certificate instead of "
            "Microsoft's.",
        ),
    )
    admin_consent_required: bool = field(
        default=False,
        metadata=_shown(
            label="Only administrators may consent",
            imitates="Entra, Consent and permissions: “Do not allow user consent”.",
        ),
    )
    secret_expired: bool = field(
        default=False,
        metadata=_shown(
            label="Client secret expired",
            imitates="The token endpoint answers AADSTS7000222.",
        ),
    )
    throttled: int | None = field(
        default=None,
        metadata=_shown(
            label="Throttled, Retry-After in seconds",
            imitates="The token endpoint answers 429.",
        ),
    )
    token_lifetime: int = field(
        default=3600,
        metadata=_shown(
            label="Life of an access token in seconds",
            imitates="A token lifetime policy.",
        ),
    )
    refresh_tokens_once: bool = field(
        default=False,
        metadata=_shown(
            label="Refresh tokens work once",
            imitates="A stricter server: Entra itself keeps the old refresh token valid.",
        ),
    )
    special_use: bool = field(
        default=True,
        metadata=_shown(
            label="LIST names the special folders",
            imitates="RFC 6154 attributes \\Sent \\Drafts \\Trash \\Junk.",
        ),
    )
    send_as_checked_at: SendAsChecked = field(
        default="mail_from",
        metadata=_shown(
            label="SendAs is checked at",
            imitates="When Exchange refuses somebody else's address: 554 5.2.252 SendAsDenied.",
        ),
    )
    imap_auth_reply: str | None = field(
        default=None,
        metadata=_shown(
            label="IMAP sign-in answers",
            imitates="Any reply, verbatim and without the tag: NO AUTHENTICATE failed.",
        ),
    )
    smtp_auth_reply: str | None = field(
        default=None,
        metadata=_shown(
            label="SMTP sign-in answers",
            imitates="Any reply, verbatim: 454 4.7.0 Temporary authentication failure",
        ),
    )
    mail_from_reply: str | None = field(
        default=None,
        metadata=_shown(
            label="MAIL FROM answers",
            imitates="Any reply, verbatim: 432 4.3.2 Concurrent connections limit exceeded",
        ),
    )

    def __setattr__(self, name: str, value: object) -> None:
        if name not in self.__dataclass_fields__:
            raise AttributeError(f"There is no policy {name!r}")
        object.__setattr__(self, name, value)

    def reset(self) -> None:
        """Go back to what a new tenant begins with."""
        for name, value in vars(Policies()).items():
            setattr(self, name, value)

    def to_json(self) -> dict[str, Any]:
        """Return every policy as plain JSON; sets become sorted lists."""
        return {
            name: sorted(value) if isinstance(value, set) else value
            for name, value in vars(self).items()
        }

    def change(self, values: dict[str, Any]) -> None:
        """Set several policies at once from plain JSON, or none of them.

        Raises ValueError naming the policy whose value does not fit.
        """
        checked = {name: _checked(name, value) for name, value in values.items()}
        for name, value in checked.items():
            setattr(self, name, value)


def _addresses(value: Any) -> set[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError
    return {str(address).lower() for address in value}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _line(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _stage(value: Any) -> str:
    if value not in ("mail_from", "data"):
        raise TypeError
    return str(value)


#: a policy's type → the panel's widget and what checks a value from outside
_KINDS: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    bool: ("switch", _flag),
    set[str]: ("mailboxes", _addresses),
    int: ("number", _whole),
    int | None: ("number", _whole),
    str | None: ("reply", _line),
    SendAsChecked: ("stage", _stage),
}


def _checked(name: str, value: Any) -> Any:
    entry = Policies.__dataclass_fields__.get(name)
    if entry is None:
        raise ValueError(f"There is no policy {name!r}")
    if value is None and entry.default is None:
        return None
    try:
        return _KINDS[entry.type][1](value)
    except TypeError as err:
        raise ValueError(f"Policy {name!r} does not take {value!r}") from err


@dataclass(frozen=True)
class Description:
    """How the panel shows a policy."""

    name: str
    widget: str
    label: str
    imitates: str


DESCRIPTIONS = tuple(
    Description(entry.name, _KINDS[entry.type][0], **entry.metadata) for entry in fields(Policies)
)
