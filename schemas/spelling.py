"""How a setting's text must be spelled: one token, a GUID, a domain, a server with its port.

Each function returns the text as the plugin uses it or raises ``ValidationError`` with the remedy.
White space and invisible characters around a value are cut off everywhere alike: they come along
with a copy, a CRLF file or `docker --env-file`. No message repeats a value: it may be a secret.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from datetime import date
from typing import Any

from marshmallow import ValidationError

#: What stands for one registration, tenant or secret in Entra.
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_PORT = re.compile(r"[0-9]{1,5}")
_HOST_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_QUOTES = "\"'`´“”„‟‘’‚‛«»‹›＂＇"  # noqa: RUF001 - the look-alikes are what is looked for
_NAMES = {" ": "a space", "\t": "a tab", "\n": "a line end", "\r": "a line end"}
#: RFC 1035 §2.3.4: the longest name in the DNS.
_MAX_DOMAIN = 253


def trimmed(value: Any) -> str:
    """Return the text without white space and invisible characters around it."""
    if not isinstance(value, str):
        raise ValidationError("This is not text.")
    first, end = 0, len(value)
    while first < end and _is_around(value[first]):
        first += 1
    while end > first and _is_around(value[end - 1]):
        end -= 1
    return value[first:end]


def _is_around(char: str) -> bool:
    # Cf: byte-order mark, zero-width space, the direction marks of Windows' dialogs.
    return char.isspace() or unicodedata.category(char) == "Cf"


def shown(char: str) -> str:
    """Return how a message names a character that may be invisible."""
    if char in _NAMES:
        return _NAMES[char]
    name = unicodedata.name(char, "").lower()
    return f"{name} (U+{ord(char):04X})" if name else f"the character U+{ord(char):04X}"


def one_line(value: Any) -> str:
    """Return a text of one line, such as a path: spaces may stand in it, quotes not around it."""
    text = trimmed(value)
    if not text:
        raise ValidationError("This setting is empty.")
    for char in text:
        if not char.isprintable() and char != " ":
            raise ValidationError(f"There is {shown(char)} in it. Copy it again, without that.")
    if text[0] in _QUOTES and text[-1] in _QUOTES:
        raise ValidationError("It stands in quotes. Give it without them.")
    return text


def token(value: Any) -> str:
    """Return one token: no white space, no quotes, nothing invisible inside."""
    text = one_line(value)
    for char in text:
        if char in _QUOTES or char.isspace():
            # A comment behind a value is part of it, in an ini file as in a variable.
            raise ValidationError(
                f"There is {shown(char)} in it. Give the value alone, on one line, without quotes"
                " and without a comment behind it."
            )
    return text


def ascii_token(value: Any) -> str:
    """Return one token of ASCII: a dash or letter that only looks like one is told."""
    text = token(value)
    for char in text:
        if not char.isascii():
            raise ValidationError(f"There is {shown(char)} in it. Copy it again, unchanged.")
    return text


def is_guid(text: str) -> bool:
    """Return whether this is a GUID as Entra shows it."""
    return bool(_GUID.fullmatch(text.lower()))


def guid(value: Any) -> str:
    """Return a GUID, in lower case."""
    text = ascii_token(value)
    if not is_guid(text):
        msg = "This is not an id like 00000000-0000-4000-8000-000000000001, as Entra shows it."
        raise ValidationError(msg)
    return text.lower()


def client_secret(value: Any) -> str:
    """Return a client secret; its id, which stands beside it in Entra, is told."""
    text = ascii_token(value)
    if is_guid(text):
        msg = "This is the Secret ID. Copy the secret's Value: Entra shows it only once, when the"
        raise ValidationError(f"{msg} secret is made. If it is gone, make a new secret.")
    return text


def tenant(value: Any) -> str:
    """Return a tenant: its id, one of its domains, or ``organizations``."""
    text = token(value)
    if text.casefold() in {"common", "consumers"}:
        msg = "This plugin serves corporate accounts: give the tenant's id or domain, or"
        raise ValidationError(f"{msg} organizations.")
    if text.casefold() == "organizations" or is_guid(text):
        return text.lower()
    try:
        return mail_domain(text)
    except ValidationError:
        msg = "This is not a tenant's id, nor a domain of it like contoso.onmicrosoft.com."
        raise ValidationError(msg) from None


def a_label(text: str) -> str:
    """Return a domain as the DNS has it: lower case, umlauts as A-labels (RFC 5890).

    Raises ``ValueError`` for what is no domain.
    """
    import idna  # noqa: PLC0415 - its tables are large, and most domains are ASCII

    # Length first: the mapping costs more than its result is worth.
    if len(text) > _MAX_DOMAIN:
        raise ValueError("longer than a domain can be")
    return idna.encode(text.removesuffix("."), uts46=True, std3_rules=True).decode("ascii").lower()


def mail_domain(value: Any) -> str:
    """Return a domain like ``contoso.com``, as an A-label."""
    text = token(value)
    try:
        name = a_label(text.removeprefix("@"))
    except ValueError:
        name = ""
    if "." not in name or name.rpartition(".")[2].isdigit():
        raise ValidationError(f"“{text[:80]}” is not a domain like contoso.com.")
    return name


def mail_domains(value: Any) -> tuple[str, ...]:
    """Return the domains of a list, separated by commas or white space, each once."""
    names = [name for name in re.split(r"[,;\s]+", trimmed(value)) if name]
    return tuple(dict.fromkeys(mail_domain(name) for name in names))


def host(text: str) -> str:
    """Return a server's name or IPv4 address, as the DNS has it. Raises ``ValueError``."""
    name = text.lower() if text.isascii() else a_label(text)
    labels = name.removesuffix(".").split(".")
    if len(name) > _MAX_DOMAIN or not all(map(_HOST_LABEL.fullmatch, labels)):
        raise ValueError("not the name of a server")
    if labels[-1].isdigit():
        ipaddress.IPv4Address(name)
    return name


def port(text: str) -> int:
    """Return a port. Raises ``ValueError``."""
    if not _PORT.fullmatch(text) or not 0 < int(text) < 65536:
        raise ValueError("not a port")
    return int(text)


def server(value: Any, default_port: int) -> tuple[str, int]:
    """Return ``host`` or ``host:port`` as two."""
    name, colon, number = token(value).partition(":")
    try:
        return host(name), port(number) if colon else default_port
    except ValueError:
        msg = "This is not host or host:port, such as mail.example.com:993."
        raise ValidationError(msg) from None


def day(value: Any) -> date:
    """Return a date, given as ``2027-06-30``."""
    if isinstance(value, date):
        return value
    text = token(value)
    try:
        return date.fromisoformat(text if _DATE.fullmatch(text) else "")
    except ValueError:
        raise ValidationError("This is not a date like 2027-06-30.") from None


def seconds(value: Any, least: float, most: float) -> float:
    """Return a number of seconds between two bounds."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    text = token(value)
    number = float(text) if _NUMBER.fullmatch(text) else 0.0
    if not least <= number <= most:
        raise ValidationError(f"This is not a number of seconds from {least:g} to {most:g}.")
    return number


def whole(value: Any, least: int, most: int) -> int:
    """Return a whole number between two bounds."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    text = token(value)
    number = int(text) if _WHOLE.fullmatch(text) else -1
    if not least <= number <= most:
        raise ValidationError(f"This is not a whole number from {least} to {most}.")
    return number
