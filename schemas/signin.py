"""The way to Microsoft's page and back: the redirect, the callback's query, the outcome."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load, validate

from .mappings import posted
from .report import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """Send the browser to `url` with status 303 and the given headers.

    `share_url`, if set, is a link that may be sent to the tenant's administrator.
    """

    url: str = field(repr=False)
    status: int = 303
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
    )
    share_url: str | None = field(default=None, repr=False)


class LoginCode(StrEnum):
    """How a sign-in or a consent ended."""

    CONNECTED = "connected"
    CONSENTED = "consented"
    DECLINED = "declined"
    WRONG_USER = "wrong_user"
    ADMINISTRATOR_NEEDED = "administrator_needed"
    EXPIRED = "expired"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOutcome:
    """How the return from Microsoft ended, and where the host sends the browser next.

    `next_url` is a path of the host's own (see `return_to` of ``salesorder_login_begin``).
    `finding` explains every outcome but ``connected`` and ``consented``; beside ``connected`` it
    says that Microsoft has a new name for the person.
    """

    code: LoginCode
    account_id: str | None
    next_url: str
    message: str
    signed_in_as: str | None = None
    expected: str | None = None
    finding: Finding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackQuery:
    """The query that Microsoft sends the browser back with (RFC 6749 §4.1.2, RFC 9207)."""

    state: str = field(repr=False)
    code: str | None = field(default=None, repr=False)
    error: str | None = None
    error_description: str | None = field(default=None, repr=False)
    error_subcode: str | None = None
    iss: str | None = None
    admin_consent: bool = False
    tenant: str | None = None


_LONGEST = 8192
#: RFC 6749 §A.5 and §A.11, without the space. A state with other characters is none of ours.
_VISIBLE = re.compile(r"[\x21-\x7e]{1,8192}")


def _said(value: object) -> str | None:
    """Return a parameter's text as it can be stored; anybody can write into the browser's query."""
    if not isinstance(value, str):
        return None
    return value[:_LONGEST].encode(errors="replace").decode().replace("\0", "")


def _visible(value: object) -> str | None:
    return value if isinstance(value, str) and _VISIBLE.fullmatch(value) else None


class CallbackQuerySchema(Schema):
    """Loads the callback's query: unknown parameters are ignored, as RFC 6749 asks.

    Only the state decides whose query it is. What is odd in another parameter ends the attempt.
    """

    class Meta:
        """Microsoft adds parameters of its own (session_state, client_info)."""

        unknown = EXCLUDE

    state = fields.String(required=True, validate=validate.Regexp(rf"{_VISIBLE.pattern}\Z"))
    code = fields.Function(deserialize=_visible)
    error = fields.Function(deserialize=_said)
    error_description = fields.Function(deserialize=_said)
    error_subcode = fields.Function(deserialize=_said)
    iss = fields.Function(deserialize=_said)
    admin_consent = fields.Function(deserialize=lambda value: str(value).casefold() == "true")
    tenant = fields.Function(deserialize=_said)

    @post_load
    def _to_query(self, data: dict[str, Any], **_: Any) -> CallbackQuery:
        return CallbackQuery(**data)


def load_callback(query: Mapping[str, Any]) -> CallbackQuery:
    """Load the callback's query; raise ``ValidationError`` if it has no usable state."""
    loaded: CallbackQuery = CallbackQuerySchema().load(posted(query))
    return loaded
