"""Fields for text that a person typed: trimmed, Unicode-normalised, and safe in a mail header."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import idna
from email_validator import EmailNotValidError, validate_email
from marshmallow import ValidationError, fields

if TYPE_CHECKING:
    from typing import Literal

# RFC 2047: an encoded-word that decodes to CR LF becomes a header line of its own on
# Python 3.11.7 and 3.12.1, so none is let in.
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[^?\s]*\?[^?]*\?=")

#: Categories of characters that no person types into a name: controls, surrogates, unassigned
#: noncharacters, and line or paragraph separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
#: Direction overrides (UAX #9) can make an address read as another one.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

#: Text of more characters is never normalised; names and addresses have some hundred.
LONGEST_NORMALISED = 1000
#: Combining marks in a row that any writing system needs at most (UAX #15, "Stream-Safe Text").
_MOST_MARKS = 30
#: Characters of a domain's label (RFC 1035, 2.3.4).
_LONGEST_LABEL = 63
#: Characters that normalising may make one of: a Hangul syllable of three, a letter and its marks.
_COMPOSED_OF = 4


def normalised(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """Return `text` in a normal form of Unicode; text beyond `LONGEST_NORMALISED` as it came.

    Sorting a run of combining marks takes time by the square of its length, and no other thread
    runs meanwhile, so length is looked at first, and longer runs than any writing needs are cut.
    """
    if text.isascii() or len(text) > LONGEST_NORMALISED:
        return text
    return unicodedata.normalize(form, _stream_safe(text))


def _stream_safe(text: str) -> str:
    kept, run = [], 0
    for character in text:
        run = run + 1 if _is_mark(character) else 0
        if run <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=4096)
def _is_mark(character: str) -> bool:
    # By the decomposition: U+0F73 is no mark by itself, and becomes two.
    return unicodedata.combining(unicodedata.normalize("NFKD", character)[0]) != 0


def refuse_unsafe_text(value: str) -> None:
    """Raise ``ValidationError`` if `value` could break out of a header, a log line or a page."""
    for character in value:
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _DIRECTION:
            code = f"U+{ord(character):04X}"
            msg = f"The character {code} is not allowed here. Type the text again without it."
            raise ValidationError(msg)
    if _ENCODED_WORD.search(value):
        msg = "Text like =?utf-8?…?= is not allowed here. Type the name as it should be read."
        raise ValidationError(msg)


class Line(fields.String):
    """One line of text: NFC-normalised, trimmed, of at most `longest` characters."""

    def __init__(self, *, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        typed = super()._deserialize(value, attr, data, **kwargs).strip(" \t")
        self._refuse_length(typed, _COMPOSED_OF * self.longest)
        text = normalised("NFC", typed)
        refuse_unsafe_text(text)
        text = text.strip()
        if not text and self.required:
            msg = f"{self.metadata['label']} is empty. Fill it in."
            raise ValidationError(msg)
        self._refuse_length(text, self.longest)
        return text

    def _refuse_length(self, text: str, longest: int) -> None:
        if len(text) > longest:
            msg = f"This has {len(text)} characters; at most {self.longest} are possible."
            raise ValidationError(msg)


class Address(Line):
    """A mail address, checked for syntax only and normalised (RFC 5321, IDNA 2008; no DNS)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=254, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return normal_address(text) if text else text


def normal_address(text: str) -> str:
    """Return `text` as a normalised address, or raise ``ValidationError`` with the cause."""
    try:
        # test_environment lets `.test` domains through, which are reserved for just that.
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as err:
        msg = f"“{text}” is not a mail address: {str(err).rstrip('.')}."
        raise ValidationError(msg) from err
    return found.normalized


def same_address(one: str, other: str) -> bool:
    """Return whether two addresses name the same person or mailbox at Microsoft.

    Exchange ignores the case of ASCII letters. Of other characters nothing is taken as equal but
    what Unicode calls canonically equal: ``str.casefold`` would make ``ss`` of ``ß``, ``s`` of the
    long s, and one address of two people's.
    """
    return one == other or _comparable(one) == _comparable(other)


def _comparable(address: str) -> str:
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
    try:
        return idna.alabel(composed).decode()
    except idna.IDNAError:
        return composed
