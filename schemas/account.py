"""The account form: the five fields of "New Microsoft 365 Account (Corporate)"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validates

from .mappings import posted
from .problem import Problem
from .text import Address, Line

USE_OAUTH_REQUIRED = (
    "Check this box. Microsoft 365 takes no passwords for IMAP and SMTP any more, so the account"
    " can only sign in with OAuth."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountForm:
    """What the worker fills in. `username` is never empty once loaded."""

    account_name: str
    sender_name: str
    sender_email: str
    use_oauth: bool
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormErrors:
    """Why a form was not saved: texts per field name, and the values as they were typed.

    `values` are what the form is drawn with again, `version` and `confirmed` among them. `codes`
    has a code beside each text, for hosts that word errors themselves.
    """

    errors: Mapping[str, tuple[str, ...]]
    values: Mapping[str, Any] = field(default_factory=dict)
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class AccountFormSchema(Schema):
    """Loads the form's values; its fields' metadata is the one source of the form's shape."""

    class Meta:
        """Hosts post more than our fields (CSRF tokens, button names): those are left out."""

        unknown = EXCLUDE

    account_name = Line(
        longest=80,
        required=True,
        metadata={
            "label": "Account name",
            "help": "A memorable name",
            "widget": "text",
        },
    )
    sender_name = Line(
        longest=120,
        required=True,
        metadata={
            "label": "Sender name",
            "help": "Person sending (Worker)",
            "widget": "text",
        },
    )
    sender_email = Address(
        required=True,
        metadata={
            "label": "Sender email",
            "help": "Person's email address",
            "widget": "email",
        },
    )
    use_oauth = fields.Boolean(
        load_default=False,
        metadata={
            "label": "Use OAuth",
            "help": "Check this box",
            "widget": "checkbox",
        },
    )
    username = Address(
        load_default="",
        metadata={
            "label": "Username",
            "help": "Username for logging into Exchange. Probably the email address.",
            "widget": "email",
        },
    )

    @validates("use_oauth")
    def _require_oauth(self, value: bool, data_key: str) -> None:  # noqa: ARG002, FBT001 - marshmallow's signature
        if not value:
            raise ValidationError([Problem("oauth_required", USE_OAUTH_REQUIRED)])

    @post_load
    def _to_form(self, data: dict[str, Any], **_: Any) -> AccountForm:
        return AccountForm(**{**data, "username": data["username"] or data["sender_email"]})


def load_account(values: Mapping[str, Any]) -> AccountForm:
    """Load the form's `values`; raise marshmallow's ``ValidationError`` with messages per field."""
    loaded: AccountForm = AccountFormSchema().load(posted(values))
    return loaded
