"""Addresses that Microsoft's answers name: only those that a browser may be sent to are taken."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

#: What RFC 3986 lets stand in an address; no white space, control, quote or backslash.
_ADDRESS = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?%\[\]-]{1,2048}")


def is_page(address: str) -> bool:
    """Return whether a browser may be sent to `address`: https, or http on this machine.

    ``javascript:`` and the like, names and passwords before the host, and fragments are refused.
    """
    host = _host(address)
    scheme = address.partition(":")[0].lower()
    return host is not None and (scheme == "https" or (scheme == "http" and _is_loopback(host)))


def is_endpoint(address: str) -> bool:
    """Return whether secrets may be posted to `address`: https only."""
    return _host(address) is not None and address.lower().startswith("https:")


def _host(address: str) -> str | None:
    """Return the host of a well-formed address without user and fragment, None for any other."""
    if not _ADDRESS.fullmatch(address):
        return None
    try:
        parts = urlsplit(address)
        if "@" in parts.netloc or (parts.port is not None and parts.port == 0):
            return None
    except ValueError:  # brackets or a port that are none
        return None
    return parts.hostname


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
