"""Fields for text that a person typed: trimmed, Unicode-normalised, and safe in a mail header."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import idna
from marshmallow import ValidationError, fields

from .mail_address import normal_address
from .problem import Problem
from .text_forms import COMPOSED_OF, normalised

# RFC 2047: an encoded-word that decodes to CR LF becomes a header line of its own on
# Python 3.11.7 and 3.12.1, so none is let in.
_ENCODED_WORD = re.compile(r"=\?[^?\s]*\?[^?\s]*\?[^?]*\?=")

#: Categories of characters that no person types into a name: controls, surrogates, unassigned
#: noncharacters, and line or paragraph separators.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
#: Direction overrides (UAX #9) can make an address read as another one.
_DIRECTION = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

#: Zero width non-joiner and joiner.
_JOINERS = frozenset("\u200c\u200d")
#: Emoji, and the skin tones that may end one.
_PICTURES = frozenset({"So", "Sk"})
#: Letters and symbols without ink: Hangul fillers, the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")


def refuse_unsafe_text(value: str) -> None:
    """Raise ``ValidationError`` if `value` could break out of a header, a log line or a page."""
    for character in value:
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _DIRECTION:
            code = f"U+{ord(character):04X}"
            msg = f"The character {code} is not allowed here. Type the text again without it."
            raise ValidationError([Problem("character_refused", msg)])
    if _ENCODED_WORD.search(value):
        msg = "Text like =?utf-8?…?= is not allowed here. Type the name as it should be read."
        raise ValidationError([Problem("encoded_word", msg)])


def refuse_unseen_text(value: str) -> None:
    """Raise ``ValidationError`` for characters that make one name look like another, or like none.

    Format characters are refused, but joiners where a script or an emoji needs them (RFC 5892,
    appendix A.1 and A.2).
    """
    for place, character in enumerate(value):
        if unicodedata.category(character) == "Cf" and not _joins(value, place):
            code = f"U+{ord(character):04X}"
            msg = f"The invisible character {code} is not allowed here. Type the text again."
            raise ValidationError([Problem("character_refused", msg)])
    if value.strip() and not any(map(_is_seen, value)):
        msg = "This consists of characters that nobody sees. Type a name that can be read."
        raise ValidationError([Problem("nothing_to_see", msg)])


def _joins(text: str, place: int) -> bool:
    if text[place] not in _JOINERS:
        return False
    before, after = text[:place].rstrip("\ufe0f")[-1:], text[place + 1 : place + 2]
    around = {unicodedata.category(each) for each in before + after}
    if text[place] == "\u200d" and before and after and around <= _PICTURES:
        return True

    try:
        return idna.valid_contextj(text, place)
    except ValueError:  # idna.CodepointNotAllowed is one
        return False


def _is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] in "LNPS" and character not in _BLANK


class Line(fields.String):
    """One line of text: NFC-normalised, trimmed, of at most `longest` characters."""

    def __init__(self, *, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        try:
            typed = super()._deserialize(value, attr, data, **kwargs).strip(" \t")
        except ValidationError as err:
            raise ValidationError([Problem("no_text", str(err.messages[0]))]) from None
        self._refuse_length(typed, COMPOSED_OF * self.longest)
        text = normalised("NFC", typed)
        refuse_unsafe_text(text)
        refuse_unseen_text(text)
        text = text.strip()
        if not text and self.required:
            msg = f"{self.metadata['label']} is empty. Fill it in."
            raise ValidationError([Problem("empty", msg)])
        self._refuse_length(text, self.longest)
        return text

    def _refuse_length(self, text: str, longest: int) -> None:
        if len(text) > longest:
            msg = f"This has {len(text)} characters; at most {self.longest} are possible."
            raise ValidationError([Problem("too_long", msg)])


class Address(Line):
    """A mail address, checked for syntax only and normalised (RFC 5321, IDNA 2008; no DNS)."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(longest=254, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        return normal_address(text) if text else text
