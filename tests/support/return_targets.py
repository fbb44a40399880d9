"""Return targets that lead off the host or look as if they could, and some that stay on it."""

from itertools import product
from urllib.parse import unquote, urljoin, urlsplit

OFF_SITE = [
    "",
    "mail",
    "//evil.example.com",
    "///evil.example.com",
    "/\\evil.example.com",
    "\\\\evil.example.com",
    "https://evil.example.com",
    "https:evil.example.com",
    "javascript:alert(1)",
    "/%2fevil.example.com",
    "/%252fevil.example.com",
    "/%5cevil.example.com",
    "/%255cevil.example.com",
    "%2f%2fevil.example.com",
    "/mail\r\nSet-Cookie: a=b",
    "/mail%0d%0aSet-Cookie: a=b",
    "/mail%250d%250aSet-Cookie",
    "/mail\x00",
    "/ /evil.example.com",
    "\t//evil.example.com",
    "/mail#fragment",
    "@evil.example.com",
    "/\u2215evil.example.com",
    "/%" + "25" * 9 + "2fevil",
]
ON_SITE = ["/", "/setup/mail-accounts/m365:1", "/a?b=c&d=e%20f", "/stra%C3%9Fe", "/a@b"]

_PARTS = (
    "/",
    "\\",
    "@",
    ":",
    "?",
    ".",
    "\t",
    "\n",
    "%2f",
    "%5C",
    "%09",
    "%0d%0a",
    "%252f",
    "https:",
)
_HOST = "https://erp.example.com"


def combined():
    """Yield some thousand targets made of the parts that browsers and servers read differently."""
    for length in range(1, 4):
        for parts in product(_PARTS, repeat=length):
            yield "".join(parts) + "evil.example.com"
            yield "/" + "".join(parts) + "evil.example.com"


def leads_to(target):
    """Return every place that a browser may end at, if servers on the way decode once or twice."""
    for _ in range(3):
        # The WHATWG URL standard drops tab and line ends, and reads a backslash as a slash.
        read = target.translate({9: None, 10: None, 13: None}).replace("\\", "/").strip()
        place = urlsplit(urljoin(_HOST + "/callback", read))
        yield f"{place.scheme}://{place.netloc}"
        target = unquote(target)


def stays(target):
    """Return whether all of these places are the host's own."""
    return set(leads_to(target)) == {_HOST}
