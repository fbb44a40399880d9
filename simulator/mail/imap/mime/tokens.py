"""The words of structured headers (RFC 5322, 3.2; RFC 2045, 5.1), read leniently.

Characters beyond ASCII count as letters. Every method takes time in proportion to what it reads.
"""

import re

_BLANK = b" \t\r\n"
_ATEXT = rb"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff"
_ATOM = re.compile(rb"[%b]+" % _ATEXT)
_WORD = re.compile(rb"[%b.]*" % _ATEXT)
_STARTS_WORD = re.compile(rb'["%b.]' % _ATEXT)
_TOKEN = re.compile(rb"[^\x00-\x20\x7f()<>@,;:\\\"/\[\]?=]*")
_QUOTED = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n")
_DOMAIN_LITERAL = re.compile(rb"\[[^\]\\]*(?:\\.[^\]\\]*)*\]", re.DOTALL)


class MalformedError(ValueError):
    """The value does not fit the grammar here."""


def has_stray_dots(atoms: bytes) -> bool:
    """Return whether an atom is missing before, behind or between dots."""
    return b"" in atoms.split(b".")


class Tokens:
    """A cursor in a header's value. What comes last in parentheses is `last_comment`."""

    def __init__(self, value: bytes) -> None:
        self.value = value
        self.at = 0
        self.last_comment = b""

    @property
    def ended(self) -> bool:
        """Whether everything has been read."""
        return self.at >= len(self.value)

    def sees(self, character: bytes) -> bool:
        """Return whether the character comes next."""
        return self.value[self.at : self.at + 1] == character

    def take(self, character: bytes) -> bool:
        """Skip the character and blanks behind it, if it comes next."""
        if seen := self.sees(character):
            self.at += 1
            self.skip_blanks()
        return seen

    def skip_blanks(self) -> None:
        """Skip white space and comments. Raises MalformedError in a comment without end."""
        while not self.ended:
            if self.value[self.at] in _BLANK:
                self.at += 1
            elif self.sees(b"("):
                self._skip_comment()
            else:
                return

    def _skip_comment(self) -> None:
        begin, depth = self.at + 1, 0
        while not self.ended:
            character = self.value[self.at : self.at + 1]
            self.at += 2 if character == b"\\" else 1
            depth += (character == b"(") - (character == b")")
            if not depth:
                self.last_comment = _ESCAPED.sub(rb"\1", self.value[begin : self.at - 1])
                return
        self.at = len(self.value)
        raise MalformedError("A comment has no end")

    def _match(self, pattern: re.Pattern[bytes]) -> bytes:
        found = pattern.match(self.value, self.at)
        if found is None:
            raise MalformedError(f"Unexpected character at {self.at}")
        self.at = found.end()
        return found[found.lastindex or 0]

    def atom(self) -> bytes:
        """Read an atom and the blanks behind it."""
        atom = self._match(_ATOM)
        self.skip_blanks()
        return atom

    def token(self) -> bytes:
        """Read a MIME token, which may be empty, and the blanks behind it."""
        token = self._match(_TOKEN)
        self.skip_blanks()
        return token

    def quoted(self) -> bytes:
        """Read a quoted string and the blanks behind it; the value is without its quotes."""
        if not _QUOTED.match(self.value, self.at):
            self.at = len(self.value)
            raise MalformedError("A quoted string has no end")
        value = _ESCAPED.sub(rb"\1", _FOLD.sub(b"", self._match(_QUOTED)))
        self.skip_blanks()
        return value

    def dot_atom(self) -> bytes:
        """Read atoms with dots between them; atoms may be missing."""
        found = b""
        while not self.ended:
            begin = self.at
            found += self._match(_WORD)
            self.skip_blanks()
            if not self.sees(b".") or self.at == begin:
                break
        if not found:
            raise MalformedError(f"Unexpected character at {self.at}")
        return found

    def _labels(self) -> bytes:
        """Read atoms with single dots between them; stop where one is missing."""
        labels = [self.atom()]
        while self.sees(b"."):
            self.at += 1
            self.skip_blanks()
            labels.append(self.atom())
        return b".".join(labels)

    def phrase(self) -> bytes:
        """Read words of a display name; one space stands between two words."""
        if self.sees(b"."):
            raise MalformedError("A phrase begins with a dot")
        words = []
        while not self.ended:
            if self.sees(b'"'):
                words.append(self.quoted())
            else:
                words.append(self._match(_WORD))
                self.skip_blanks()
            if self.ended or _STARTS_WORD.match(self.value, self.at) is None:
                break
        return b" ".join(words)

    def domain(self) -> bytes:
        """Read the domain behind an at sign, which comes next."""
        self.at += 1
        self.skip_blanks()
        if not self.sees(b"["):
            return self._labels()
        domain = self._match(_DOMAIN_LITERAL)
        self.skip_blanks()
        return domain
