"""Content types and parameters (RFC 2045, 5.1), with those in several parts (RFC 2231) joined."""

import re
from dataclasses import dataclass

from .tokens import MalformedError, Tokens

Parameters = list[tuple[bytes, bytes]]
_SECTION = re.compile(rb"([^*]+)\*(?:([0-9]{1,4})(\*?)|)$")
_MOST = 1_000
_BROKEN_WORD = re.compile(rb"[^; \t\r\n]*")


@dataclass(frozen=True)
class ContentType:
    """A content type as it was written; what is malformed has an empty type and subtype."""

    type: bytes
    subtype: bytes
    parameters: Parameters

    def is_type(self, *names: bytes) -> bool:
        """Return whether this is one of the types `text` or `message/rfc822`, in small letters."""
        whole = b"%b/%b" % (self.type.lower(), self.subtype.lower())
        return any(whole == name or self.type.lower() == name for name in names)

    def parameter(self, name: bytes) -> bytes | None:
        """Return the first value of a parameter."""
        return next((value for key, value in self.parameters if key.lower() == name), None)


def content_type(value: bytes) -> ContentType:
    """Return a content type; a type that stands alone has no subtype."""
    tokens = Tokens(value)
    try:
        tokens.skip_blanks()
        main = tokens.token()
        if tokens.ended:
            return ContentType(main, b"", [])
        sub = tokens.token() if tokens.take(b"/") else b""
    except MalformedError:
        return ContentType(b"", b"", [])
    if not sub or not (tokens.ended or tokens.sees(b";")):
        return ContentType(b"", b"", [])
    return ContentType(main, sub, parameters(tokens))


def value_with_parameters(value: bytes) -> tuple[bytes, Parameters] | None:
    """Return a Content-Disposition: its token and its parameters; None if it cannot be read."""
    tokens = Tokens(value)
    try:
        tokens.skip_blanks()
        name = tokens.token()
    except MalformedError:
        return None
    return name, parameters(tokens)


def parameters(tokens: Tokens) -> Parameters:
    """Return the parameters that follow, 1,000 at most; what cannot be read is skipped."""
    found: Parameters = []
    while not tokens.ended and len(found) < _MOST:
        begin = tokens.at
        try:
            found.append(_parameter(tokens))
        except MalformedError:
            tokens.at = max(tokens.at, begin) + 1
    return _joined(found)


def _parameter(tokens: Tokens) -> tuple[bytes, bytes]:
    if not tokens.take(b";") or tokens.ended:
        raise MalformedError("A parameter was expected")
    name = tokens.token()
    if not tokens.take(b"=") or tokens.ended:
        raise MalformedError("A parameter has no value")
    if tokens.sees(b'"'):
        return name, tokens.quoted()
    if tokens.sees(b"="):  # name==?utf-8?q?…?=, which many write
        found = _BROKEN_WORD.match(tokens.value, tokens.at)
        word = found[0] if found else b""
        tokens.at += len(word)
        return name, word
    return name, tokens.token()


@dataclass(frozen=True)
class _Section:
    number: int
    extended: bool
    value: bytes


def _joined(found: Parameters) -> Parameters:
    """Join `name*0`, `name*1*` … to `name` or `name*`; they follow all others."""
    plain: Parameters = []
    sections: dict[bytes, list[_Section]] = {}
    for name, value in found:
        match = _SECTION.fullmatch(name)
        if match is None:
            plain.append((name, value))
        else:
            extended = match[2] is None or match[3] == b"*"
            section = _Section(int(match[2] or 0), extended, value)
            sections.setdefault(match[1], []).append(section)
    for name in sorted(sections):
        plain.extend(_whole(name, sorted(sections[name], key=lambda part: part.number)))
    return plain


def _whole(name: bytes, parts: list[_Section]) -> Parameters:
    if [part.number for part in parts] != list(range(len(parts))):
        return [
            (b"%b*%d%b" % (name, part.number, b"*" if part.extended else b""), part.value)
            for part in parts
        ]
    if not any(part.extended for part in parts):
        return [(name, b"".join(part.value for part in parts))]
    charset = b"" if parts[0].extended else b"''"
    values = (part.value if part.extended else part.value.replace(b"%", b"%25") for part in parts)
    return [(name + b"*", charset + b"".join(values))]
