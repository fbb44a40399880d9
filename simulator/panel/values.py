"""What an act needs from outside: each value checked, and named where it does not fit."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from ..tenant.tenant import Tenant

Values = Mapping[str, Any]


class PanelError(Exception):
    """A request that the panel does not carry out; the text is for the caller."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def text(values: Values, name: str) -> str:
    """Return a text that must be there."""
    value = values.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PanelError(f"{name!r} is missing")
    return value.strip()


def optional(values: Values, name: str) -> str | None:
    """Return a text that may be left out."""
    return text(values, name) if values.get(name) else None


def mailbox(tenant: Tenant, values: Values, name: str) -> str:
    """Return the address of a mailbox of the tenant."""
    person = tenant.person(text(values, name))
    if person is None:
        raise PanelError(f"{values[name]!r} is no mailbox of the tenant")
    return person.address


def message(values: Values, to: str) -> bytes:
    """Return a message: its raw bytes in base64, or made of sender, subject and text."""
    if "content_base64" in values:
        try:
            return base64.b64decode(text(values, "content_base64"), validate=True)
        except binascii.Error as err:
            raise PanelError("'content_base64' is not base64") from err
    return _composed(values, to)


def _composed(values: Values, to: str) -> bytes:
    lines = {
        "From": text(values, "from"),
        "To": to,
        "Subject": optional(values, "subject") or "",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "8bit",
    }
    for name, line in lines.items():
        if any(ord(character) < 32 for character in line):
            raise PanelError(f"{name} must be one line")
    head = "".join(f"{name}: {line}\r\n" for name, line in lines.items())
    body = "\r\n".join(str(values.get("text", "")).splitlines())
    return f"{head}\r\n{body}\r\n".encode()
