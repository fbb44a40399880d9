"""BODY and BODYSTRUCTURE (RFC 3501, 7.4.2)."""

from .envelope import envelope
from .header import fields
from .parameters import Parameters, value_with_parameters
from .strings import NIL, nstring, string, unfolded
from .tokens import MalformedError, Tokens
from .walker import Part

_MOST_LANGUAGES = 100
_ASCII = b'"charset" "us-ascii"'
_NO_PARTS = b'("text" "plain" (%b) NIL NIL "7bit" 0 0' % _ASCII


def structure(part: Part, *, extended: bool) -> bytes:
    """Return the structure of a part; `extended` is BODYSTRUCTURE, else BODY."""
    body = _multipart(part, extended) if part.is_multipart else _single(part, extended)
    return b"(%b)" % body


def _multipart(part: Part, extended: bool) -> bytes:  # noqa: FBT001 - as in `structure`
    children = b"".join(structure(child, extended=extended) for child in part.children)
    nothing = _NO_PARTS + (b" NIL NIL NIL NIL)" if extended else b")")
    kind = part.content_type
    words = [(children or nothing) + b" " + string(b"" if kind is None else kind.subtype)]
    if extended:
        words += [_parameters([] if kind is None else kind.parameters), *_common(part)]
    return b" ".join(words)


def _single(part: Part, extended: bool) -> bytes:  # noqa: FBT001 - as in `structure`
    kind = part.content_type
    is_text = not part.is_message and (kind is None or kind.is_type(b"text"))
    words = [
        _type(part),
        _parameters([] if kind is None else kind.parameters, is_text=is_text),
        _one_line(part, b"content-id"),
        _one_line(part, b"content-description"),
        string(_encoding(part)),
        b"%d" % (part.end - part.body),
    ]
    if part.is_message:
        inner = part.children[0] if part.children else None
        if inner is not None:
            words.append(envelope(fields(inner.header_bytes)))
            words.append(structure(inner, extended=extended))
        words.append(_lines(part))
    elif is_text:
        words.append(_lines(part))
    if extended:
        words += [_one_line(part, b"content-md5"), *_common(part)]
    return b" ".join(words)


def _type(part: Part) -> bytes:
    kind = part.content_type
    if part.is_message:
        return b'"message" "rfc822"'
    if kind is None:
        return b'"text" "plain"'
    return b" ".join((string(kind.type), string(kind.subtype)))


def _parameters(found: Parameters, *, is_text: bool = False) -> bytes:
    words = [b" ".join((string(name), string(value))) for name, value in found]
    if is_text and not any(name.lower() == b"charset" for name, _ in found):
        words.append(_ASCII)
    return b"(%b)" % b" ".join(words) if words else NIL


def _lines(part: Part) -> bytes:
    return b"%d" % part.data.count(b"\n", part.body, part.end)


def _value(part: Part, name: bytes) -> bytes | None:
    return part.value(name) if part.is_mime else None


def _one_line(part: Part, name: bytes) -> bytes:
    value = _value(part, name)
    return nstring(None if value is None else unfolded(value))


def _encoding(part: Part) -> bytes:
    tokens = Tokens(_value(part, b"content-transfer-encoding") or b"")
    try:
        tokens.skip_blanks()
        token = tokens.token()
    except MalformedError:
        return b"7bit"
    return token if token and tokens.ended else b"7bit"


def _common(part: Part) -> list[bytes]:
    """Return disposition, language and location."""
    return [_disposition(part), _language(part), _one_line(part, b"content-location")]


def _disposition(part: Part) -> bytes:
    value = _value(part, b"content-disposition")
    read = None if value is None else value_with_parameters(value)
    return NIL if read is None else b"(%b %b)" % (string(read[0]), _parameters(read[1]))


def _language(part: Part) -> bytes:
    tokens = Tokens(_value(part, b"content-language") or b"")
    found: list[bytes] = []
    try:
        tokens.skip_blanks()
        found.append(tokens.atom())
        while tokens.take(b",") and len(found) < _MOST_LANGUAGES:
            found.append(tokens.atom())
    except MalformedError:
        pass
    return b"(%b)" % b" ".join(map(string, found)) if found else NIL
