"""Lists of addresses (RFC 5322, 3.4), with groups, routes and what is wrong in them."""

from contextlib import suppress
from dataclasses import dataclass

from .tokens import MalformedError, Tokens, has_stray_dots

#: addresses that a field is read for; Exchange sends to 1,000 at most
MOST = 10_000
MISSING_MAILBOX, MISSING_DOMAIN = b"MISSING_MAILBOX", b"MISSING_DOMAIN"
_SYNTAX_ERROR, _INVALID_ROUTE = b"SYNTAX_ERROR", b"INVALID_ROUTE"


@dataclass
class Address:
    """One address as ENVELOPE lists it.

    A group begins with an address that has a mailbox only, and ends with an empty one.
    """

    name: bytes | None = None
    route: bytes | None = None
    mailbox: bytes | None = None
    domain: bytes | None = None

    def completed(self) -> "Address":
        """Fill what is missing with words that cannot be taken for an address."""
        mailbox = MISSING_MAILBOX if self.mailbox is None else self.mailbox
        domain = MISSING_DOMAIN if self.domain is None else self.domain
        return Address(self.name, self.route, mailbox, domain)


def addresses(value: bytes) -> list[Address]:
    """Return the addresses of a header's value, 10,000 at most; a malformed one ends the list."""
    reader = _Reader(value)
    reader.read()
    return reader.found


class _Reader:
    def __init__(self, value: bytes) -> None:
        self._tokens = Tokens(value)
        self.found: list[Address] = []

    def read(self) -> None:
        try:
            self._tokens.skip_blanks()
            if self._tokens.ended:
                return
        except MalformedError:
            return
        while self._address() and len(self.found) < MOST:
            if not self._tokens.sees(b","):
                return
            try:
                self._tokens.take(b",")
            except MalformedError:
                self.found.append(Address().completed())
                return
            if self._tokens.ended:
                return

    def _address(self) -> bool:
        """Read a group or a mailbox; return whether more may follow."""
        begin = self._tokens.at
        name = self._group_name()
        if name is not None:
            return self._group(name)
        self._tokens.at = begin
        return self._mailbox()

    def _group_name(self) -> bytes | None:
        try:
            name = self._tokens.phrase()
        except MalformedError:
            return None
        return name if self._tokens.sees(b":") else None

    def _group(self, name: bytes) -> bool:
        self.found.append(Address(mailbox=name))
        try:
            self._tokens.take(b":")
            self._members()
            self._tokens.take(b";")
        except MalformedError:
            pass
        self.found.append(Address())
        return not self._tokens.ended

    def _members(self) -> None:
        while not (self._tokens.ended or self._tokens.sees(b";")):
            if not self._mailbox() or len(self.found) >= MOST or not self._tokens.take(b","):
                return

    def _mailbox(self) -> bool:
        begin = self._tokens.at
        address = Address()
        try:
            more = self._name_addr(address)
        except MalformedError:
            self._tokens.at = begin
            address = Address()
            more = self._addr_spec(address)
        self.found.append(address.completed())
        return more

    def _name_addr(self, address: Address) -> bool:
        """Read `Name <mailbox@domain>`. Raises MalformedError if there is no angle."""
        name = self._tokens.phrase()
        if not self._tokens.sees(b"<"):
            raise MalformedError("An address without angles")
        address.name = name or None
        try:
            self._angle(address)
        except MalformedError:
            address.domain = _SYNTAX_ERROR
        return not self._tokens.ended

    def _angle(self, address: Address) -> None:
        tokens = self._tokens
        tokens.take(b"<")
        if tokens.sees(b"@"):
            address.route = _INVALID_ROUTE
            address.route = self._route()
        if not tokens.sees(b">"):
            self._local_and_domain(address)
        if not tokens.take(b">"):
            raise MalformedError("An angle has no end")

    def _local_and_domain(self, address: Address) -> None:
        local = self._local_part()
        if self._tokens.sees(b"@"):
            address.mailbox = local
            address.domain = self._tokens.domain()
        elif has_stray_dots(local):
            raise MalformedError("A mailbox has an empty word")
        address.mailbox = local

    def _route(self) -> bytes:
        tokens = self._tokens
        route: list[bytes] = []
        while tokens.sees(b"@"):
            route.append(b"@" + tokens.domain())
            while tokens.take(b","):
                pass
        return b",".join(route) if tokens.take(b":") else _INVALID_ROUTE

    def _local_part(self) -> bytes:
        return self._tokens.quoted() if self._tokens.sees(b'"') else self._tokens.dot_atom()

    def _addr_spec(self, address: Address) -> bool:
        """Read `mailbox@domain (Name)`; words without an at sign are a name."""
        tokens = self._tokens
        tokens.last_comment = b""
        quoted = tokens.sees(b'"')
        with suppress(MalformedError):
            address.mailbox = self._local_part()
        if tokens.sees(b"@"):
            with suppress(MalformedError):
                address.domain = tokens.domain()
            address.name = tokens.last_comment or None
        elif tokens.last_comment:
            address.name = tokens.last_comment
        else:
            self._words(address, quoted=quoted)
        return not tokens.ended

    def _words(self, address: Address, *, quoted: bool) -> None:
        """Take a single word for a mailbox; one that is quoted, and several, for a name."""
        more = b""
        with suppress(MalformedError):
            more = self._tokens.phrase()
        if more or quoted:
            address.name = b" ".join(filter(None, [address.mailbox, more])) or None
            address.mailbox = None
