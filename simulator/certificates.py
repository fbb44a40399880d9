"""The simulator's own certificate authority and the server certificate that it issues."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import trustme

from .state import StateDirectory

HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Certificates:
    """Where the CA's certificate and the server's key and chain lie."""

    ca_file: Path
    server_pem: Path

    def server_context(self) -> ssl.SSLContext:
        """Return a TLS context for a server on loopback."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_pem)
        return context

    def mail_context(self, inspected: Callable[[], bool]) -> ssl.SSLContext:
        """Return a context that shows a foreign certificate while `inspected()` is true."""
        context, foreign = self.server_context(), _foreign_context()

        def choose(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            if inspected():
                connection.context = foreign

        # Called in every handshake, which is where the certificate is chosen.
        context.sni_callback = choose
        return context


def _foreign_context() -> ssl.SSLContext:
    """Return the context of a device in between, whose authority no client trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(organization_name="Contoso Firewall").issue_cert(*HOSTS).configure_cert(context)
    return context


def load_certificates(state: StateDirectory) -> Certificates:
    """Return the certificates kept in the state directory, made at first use.

    The CA's private key is never written: nobody can issue more certificates in its name.
    """
    found = Certificates(state.path / "ca.pem", state.path / "server.pem")
    if not (found.ca_file.exists() and found.server_pem.exists()):
        authority = trustme.CA(organization_name="Microsoft 365 simulator")
        # Some clients, such as msmtp with old libraries, still look at the common name.
        server = authority.issue_cert(*HOSTS, common_name=HOSTS[0])
        state.write("server.pem", server.private_key_and_cert_chain_pem.bytes())
        state.write("ca.pem", authority.cert_pem.bytes())
    return found
