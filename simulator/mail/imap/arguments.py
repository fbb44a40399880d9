"""A command as text with literals in between, and a cursor that reads it."""

import re
from dataclasses import dataclass, field
from datetime import datetime

from .errors import BadArgumentError
from .names import decoded
from .sets import NumberSet

_ATOM = re.compile(rb'[^(){ %*"\\\]\x00-\x1f\x7f-\xff]+')
_ASTRING = re.compile(rb'[^(){ %*"\\\x00-\x1f\x7f-\xff]+')
_PATTERN = re.compile(rb'[^(){ "\\\x00-\x1f\x7f-\xff]+')
_QUOTED = re.compile(rb'"([^"\\\r\n\x00]*(?:\\["\\][^"\\\r\n\x00]*)*)"')
_LITERAL = re.compile(rb"\{[0-9]+\+?\}")
_NUMBER = re.compile(rb"[0-9]{1,10}")
_SET = re.compile(rb"[0-9:,*]+")
_REST = re.compile(rb"[^\r\n]*")
_FLAG = re.compile(rb'\\?[^(){ %*"\\\]\x00-\x1f\x7f-\xff]+')
_ESCAPED = re.compile(rb'\\(["\\])')


@dataclass
class Arguments:
    """What follows the verb: `texts[0]`, `literals[0]`, `texts[1]` … and a cursor in it.

    Folders' names are modified UTF-7 or, with `utf8_names`, UTF-8.
    Every reading method raises BadArgumentError where the text does not fit.
    """

    texts: list[bytes] = field(repr=False)
    literals: list[bytes] = field(repr=False)
    utf8_names: bool = False
    _piece: int = 0
    _at: int = 0

    @property
    def _text(self) -> bytes:
        return self.texts[self._piece]

    def at_end(self) -> bool:
        """Return whether everything has been read."""
        return self._at >= len(self._text) and self._piece == len(self.literals)

    def end(self) -> None:
        """Expect the end of the command."""
        if not self.at_end():
            raise BadArgumentError

    def sees(self, token: bytes) -> bool:
        """Return whether `token` comes next; letters in any case."""
        return self._text[self._at : self._at + len(token)].upper() == token

    def peek(self) -> bytes:
        """Return the next byte, or nothing at the end of the text."""
        return self._text[self._at : self._at + 1]

    def take(self, token: bytes) -> bool:
        """Skip `token` if it comes next."""
        if seen := self.sees(token):
            self._at += len(token)
        return seen

    def expect(self, token: bytes) -> None:
        """Skip `token`, which has to come next."""
        if not self.take(token):
            raise BadArgumentError

    def space(self) -> None:
        """Skip one space."""
        self.expect(b" ")

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        """Skip what a pattern matches and return it."""
        found = pattern.match(self._text, self._at)
        if found is None:
            raise BadArgumentError
        self._at = found.end()
        return found

    def atom(self) -> bytes:
        """Read an atom."""
        return self.match(_ATOM)[0]

    def rest(self) -> bytes:
        """Read what is left of the line."""
        return self.match(_REST)[0]

    def word(self) -> str:
        """Read an atom and return it in capitals."""
        return self.atom().decode("ascii").upper()

    def number(self) -> int:
        """Read a number of 32 bits."""
        number = int(self.match(_NUMBER)[0])
        if number >= 1 << 32:
            raise BadArgumentError
        return number

    def number_set(self) -> NumberSet:
        """Read a set of sequence numbers or UIDs."""
        return NumberSet.parse(self.match(_SET)[0])

    def sees_set(self) -> bool:
        """Return whether a set of numbers comes next."""
        return _SET.match(self._text, self._at) is not None

    def string(self) -> bytes:
        """Read a quoted string or a literal."""
        if self.sees(b'"'):
            return _ESCAPED.sub(rb"\1", self.match(_QUOTED)[1])
        return self.literal()

    def literal(self) -> bytes:
        """Read a literal."""
        self.match(_LITERAL)
        if self._at != len(self._text) or self._piece == len(self.literals):
            raise BadArgumentError
        self._piece, self._at = self._piece + 1, 0
        return self.literals[self._piece - 1]

    def astring(self) -> bytes:
        """Read an atom or a string."""
        return self.string() if self.sees(b'"') or self.sees(b"{") else self.match(_ASTRING)[0]

    def mailbox(self) -> str:
        """Read a folder's name."""
        return self._name(self.astring())

    def pattern(self) -> str:
        """Read a folder's name with wildcards."""
        is_string = self.sees(b'"') or self.sees(b"{")
        return self._name(self.string() if is_string else self.match(_PATTERN)[0])

    def _name(self, raw: bytes) -> str:
        try:
            return decoded(raw, utf8=self.utf8_names)
        except ValueError as err:
            raise BadArgumentError from err

    def flags(self) -> list[str]:
        """Read flags in parentheses, or without."""
        if not self.take(b"("):
            flags = [self._flag()]
            while self.take(b" "):
                flags.append(self._flag())
            return flags
        flags = []
        while not self.take(b")"):
            if flags:
                self.space()
            flags.append(self._flag())
        return flags

    def _flag(self) -> str:
        return self.match(_FLAG)[0].decode("ascii")

    def date_time(self) -> datetime:
        """Read an internal date: `"17-Jul-1996 02:44:25 -0700"`."""
        text = self.match(_QUOTED)[1].decode("ascii", "replace").strip()
        try:
            return datetime.strptime(text, "%d-%b-%Y %H:%M:%S %z")
        except ValueError as err:
            raise BadArgumentError from err


@dataclass
class Command:
    """One command; `by_uid` if it came with the prefix UID."""

    tag: str
    verb: str
    by_uid: bool
    arguments: Arguments
