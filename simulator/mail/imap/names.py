"""Names of folders on the wire: modified UTF-7 (RFC 3501, 5.1.3), patterns and quoting."""

import base64
import binascii
import re

#: bytes of a whole path; Exchange allows 255 characters a level
LONGEST = 1000
_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NO_QUOTED = re.compile(rb'["\\\x00-\x1f]')
_WILDCARDS = re.compile(r"[*%]+")
_PLAIN = re.compile(rb"[^(){ %*\"\\\]\x00-\x1f\x7f-\xff]+")


def decoded(name: bytes, *, utf8: bool = False) -> str:
    """Return a folder's name. Raises ValueError if it is not modified UTF-7.

    With `utf8` it is UTF-8 instead, as after ENABLE IMAP4rev2 (RFC 9051, 5.1).
    """
    if len(name) > LONGEST:
        raise ValueError("The name is too long")
    text = name.decode("utf-8") if utf8 else _from_utf7(name.decode("ascii"))
    if _CONTROL.search(text):
        raise ValueError("The name has control characters")
    return text


def _from_utf7(text: str) -> str:
    if _BEYOND_ASCII.search(text) or "&" in _SHIFTED.sub("", text):
        raise ValueError("The name is not modified UTF-7")
    return _SHIFTED.sub(_unshifted, text)


def _unshifted(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    padded = found[1].replace(",", "/") + "=" * (-len(found[1]) % 4)
    try:
        text = base64.b64decode(padded, validate=True).decode("utf-16-be")
    except binascii.Error as err:
        raise ValueError("The name is not modified UTF-7") from err
    if _BEYOND_ASCII.fullmatch(text) is None:
        raise ValueError("The name encodes characters that need no encoding")
    return text


def encoded(name: str) -> bytes:
    """Return a folder's name in modified UTF-7."""
    return _BEYOND_ASCII.sub(_shifted, name.replace("&", "&-")).encode("ascii")


def _shifted(found: re.Match[str]) -> str:
    text = base64.b64encode(found[0].encode("utf-16-be")).rstrip(b"=").decode()
    return f"&{text.replace('/', ',')}-"


def shown(name: str, *, utf8: bool = False) -> bytes:
    """Return a name as Exchange writes it: plain, quoted, or a literal if it contains a quote."""
    wire = name.encode() if utf8 else encoded(name)
    if _PLAIN.fullmatch(wire) and wire.upper() != b"NIL":
        return wire
    if _NO_QUOTED.search(wire):
        return b"{%d}\r\n%b" % (len(wire), wire)
    return b'"%b"' % wire


def matches(pattern: str, name: str) -> bool:
    """Return whether a LIST pattern matches: `*` any characters, `%` any but `/`.

    Steps are at most the product of both lengths, whatever the pattern.
    """
    pattern = _WILDCARDS.sub(lambda run: "*" if "*" in run[0] else "%", pattern)
    states = _passed(pattern, {0})
    for character in name:
        following: set[int] = set()
        for state in states:
            if state == len(pattern):
                continue
            wanted = pattern[state]
            if wanted == "*" or (wanted == "%" and character != "/"):
                following.add(state)
            elif wanted == character:
                following.add(state + 1)
        states = _passed(pattern, following)
        if not states:
            return False
    return len(pattern) in states


def _passed(pattern: str, states: set[int]) -> set[int]:
    """Add the states that follow without a character: wildcards also match nothing."""
    passed = {state + 1 for state in states if state < len(pattern) and pattern[state] in "*%"}
    return states | passed
