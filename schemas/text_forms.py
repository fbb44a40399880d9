"""Normal forms of Unicode, at a cost that does not grow by the square of what a stranger sends."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

#: Text of more characters is never normalised; names and addresses have some hundred.
LONGEST_NORMALISED = 1000
#: Combining marks in a row that any writing system needs at most (UAX #15, "Stream-Safe Text").
_MOST_MARKS = 30
#: Characters that normalising may make one of: a Hangul syllable of three, a letter and its marks.
COMPOSED_OF = 4


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
