"""TLS for every connection: which authorities are trusted, and the handshake."""

from __future__ import annotations

import ssl
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from .deadline import DeadlineSSLSocket

if TYPE_CHECKING:
    import socket


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context of every TLS connection: certificate and host name verified, TLS 1.2 up.

    With `ca_file` (PEM) only its authorities are trusted, else those of the system. Nothing is
    taken from the environment: ``ssl.create_default_context`` would write the session keys to the
    file that SSLKEYLOGFILE names, or fail if it cannot.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if sys.version_info >= (3, 13):  # as ssl.create_default_context does from there on
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    if ca_file is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = DeadlineSSLSocket
    return context


def mail_tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return `tls_context` for mail servers, made again only when the authorities' file changes.

    Reading the system's authorities takes 20 ms of processor time, too much for each connection.
    HTTP keeps contexts of its own because urllib3 changes the one that it is given.
    """
    return _kept_context(ca_file, _changed_at(ca_file))


@lru_cache(maxsize=8)
def _kept_context(ca_file: Path | None, _changed_at: int) -> ssl.SSLContext:
    return tls_context(ca_file)


def _changed_at(ca_file: Path | None) -> int:
    """Return when the authorities were changed, in nanoseconds; 0 where that is not known."""
    system = ssl.get_default_verify_paths()
    try:
        return Path(ca_file or system.cafile or system.capath or "").stat().st_mtime_ns
    except OSError:
        return 0


def secure(sock: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Shake hands; raise ``ssl.SSLError`` or ``OSError``. `sock` is used up in either case."""
    try:
        return context.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise
