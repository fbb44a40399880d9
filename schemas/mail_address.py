"""Mail addresses: their syntax, their one spelling, and when two name the same mailbox. No DNS.

RFC 5321 and 6531 for the local part, IDNA 2008 for the domain, whose one spelling is the A-label.
"""

from __future__ import annotations

import re
from email.errors import MessageError
from email.headerregistry import Address

from marshmallow import ValidationError

from .problem import Problem
from .spelling import a_label
from .text_forms import normalised

#: RFC 5321 §4.5.3.1.1 and .3, in octets.
_LONGEST_LOCAL, _LONGEST = 64, 254
#: Characters of a domain's label (RFC 1035, 2.3.4).
_LONGEST_LABEL = 63
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def normal_address(text: str) -> str:
    """Return `text` as an address in its one spelling, or raise ``ValidationError``."""
    local, _, domain = text.rpartition("@")
    try:
        address = f"{local}@{_domain(domain)}"
        _check(local, address)
    except ValueError:
        shown = text if len(text) <= _LONGEST else f"{text[:40]}…"
        said = f"“{shown}” is not a mail address like sales@contoso.com."
        raise ValidationError([Problem("address_invalid", said)]) from None
    return address


def _domain(text: str) -> str:
    """Return a domain with a dot as the DNS has it; raise ``ValueError`` for what is none."""
    name = text.lower() if text.isascii() else a_label(text)
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError("no domain")
    if any(label.startswith("xn--") for label in labels):
        a_label(name)  # an A-label that stands for nothing is none
    return name


def _check(local: str, address: str) -> None:
    """Raise ``ValueError`` unless an address is a dot-atom, an at sign and a domain."""
    # The parser knows ASCII only; a letter beyond it may stand wherever a letter may (RFC 6531).
    plain = _BEYOND_ASCII.sub("x", address)
    try:
        parsed = Address(addr_spec=plain)
    except (MessageError, IndexError, ValueError) as err:
        raise ValueError("no address") from err
    # Quotes and comments are read, but have a plainer spelling: nobody's mailbox needs them.
    if f"{parsed.username}@{parsed.domain}" != plain or '"' in local or " " in local:
        raise ValueError("not spelled plainly")
    if len(local.encode()) > _LONGEST_LOCAL or len(address.encode()) > _LONGEST:
        raise ValueError("too long")


def domain_of(address: str) -> str:
    """Return the domain of an address as an A-label; as it stands where it is none."""
    domain = address.rpartition("@")[2]
    try:
        return _domain(domain)
    except ValueError:
        return domain


def same_address(one: str, other: str) -> bool:
    """Return whether two addresses name the same person or mailbox at Microsoft.

    Exchange ignores the case of ASCII letters. Of other characters nothing is taken as equal but
    what Unicode calls canonically equal: ``str.casefold`` would make ``ss`` of ``ß``, ``s`` of the
    long s, and one address of two people's.
    """
    return one == other or fold_address(one) == fold_address(other)


def fold_address(address: str) -> str:
    """Return the form of `address` that the same mailbox's addresses share."""
    local, at, domain = address.strip().rpartition("@")
    return f"{_folded(local)}{at}{'.'.join(map(_folded_label, domain.split('.')))}"


def _folded(text: str) -> str:
    return text.lower() if text.isascii() else normalised("NFC", text)


def _folded_label(label: str) -> str:
    """Return a label of a domain as an A-label (RFC 5890), or as it is if it has none."""
    composed = _folded(label)
    # The Kelvin sign composes to the letter K: such a label is no host's name, and equals none.
    if label.isascii() or composed.isascii() or len(label) > _LONGEST_LABEL:
        return composed if label.isascii() else label
    import idna  # noqa: PLC0415 - its tables are large, and most domains are ASCII

    try:
        return idna.alabel(composed).decode()
    except idna.IDNAError:
        return composed
