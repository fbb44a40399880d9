"""Where a sign-in may lead back to: a path of the host's own, and nothing else."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ..errors import BadRequestError

# What RFC 3986 lets stand in a path with a query; no fragment, no white space, no backslash.
_PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_LEAVES = re.compile(r"[^/]|/[/\\]|[\x00-\x1f\x7f]|.*[\\\x00-\x1f\x7f]", re.DOTALL)
_DECODINGS = 5


def check_return_to(path: str) -> str:
    """Return `path` if it stays on the host; raise ``BadRequestError`` if it could leave it.

    Decoded forms are checked too, because some servers and browsers decode once more.
    """
    decoded = path
    for _ in range(_DECODINGS):
        if not _PATH.fullmatch(path) or _LEAVES.match(decoded):
            break
        if (again := unquote(decoded)) == decoded:
            return path
        decoded = again
    raise BadRequestError("return_to_unusable")
