"""Which redirect URIs a registration lets pass, and what its platform means for the client.

`localhost` is compared without its port, as RFC 8252 (7.3, 8.3) and Microsoft's page on redirect
URIs say: a native application listens on whatever port is free.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1")


def is_registered(asked: str, registered: Iterable[str]) -> bool:
    """Return whether a redirect URI is one of those registered."""
    return any(_fits(asked, uri) for uri in registered)


def _fits(asked: str, registered: str) -> bool:
    if asked == registered:
        return True
    try:
        ours, theirs = urlsplit(registered), urlsplit(asked)
        hosts = ours.hostname, theirs.hostname
        _ = theirs.port
    except ValueError:  # no port, or no host, that a browser could go to
        return False
    if hosts[0] not in _LOOPBACK or hosts[0] != hosts[1] or "@" in theirs.netloc:
        return False
    return ours._replace(netloc="", path=ours.path or "/") == theirs._replace(
        netloc="", path=theirs.path or "/"
    )
