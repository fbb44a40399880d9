"""What a server said, made fit for a page and a log: one printable line without secrets."""

from __future__ import annotations

import re
import unicodedata

#: Characters of the line; Exchange's longest refusals have about 250.
LONGEST = 300
#: Characters that are looked at: the rest of an endless line costs no time.
_LOOKED_AT = 16 * 1024

_SECRETS = re.compile(
    r"""
    \bBearer\s+[^\s"',;]+                                       # RFC 6750
    | \b(?-i:eyJ)[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*                 # JSON Web Token
    | [\w.~-]{3}\d(?-i:Q)~[\w.~-]{20,}                          # Entra's client secrets
    | (?<=[?&\s"'])(?:code|state|access_token|refresh_token|id_token|client_secret
        |client_assertion|code_verifier|password)["']?\s*[=:]\s*["']?[^\s&"',;]+
    | [A-Za-z0-9+/_=-]{40,}                                     # base64, hexadecimal
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Controls, surrogates, unassigned, line and paragraph separators, and format characters: among
# these are the direction overrides (UAX #9), which make a text read as another one.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def one_line(words: str | bytes) -> str:
    """Return `words` as one printable line of at most 300 characters, secrets taken out.

    The result is plain text: the caller escapes it where HTML is made.
    """
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    # A secret may be broken over lines, or hidden behind characters that do not show.
    text = " ".join(printable(text[:_LOOKED_AT]).split())
    text = _SECRETS.sub("[removed]", f" {text}").strip()
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def printable(text: str) -> str:
    """Return `text` with a space or nothing in place of each character that does not print."""
    if text.isprintable():
        return text
    return "".join(
        character
        if unicodedata.category(character) not in _UNPRINTABLE
        else (" " if character.isspace() else "")
        for character in text
    )
