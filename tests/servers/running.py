"""Dovecot and Postfix with the certificate, the key and the issuer of the simulator's tenant."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from salesorder_m365.simulator.simulator import Simulator
from servers import dovecot, postfix
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.relay import relay


def missing() -> str:
    """Say why the two cannot run here; empty if they can."""
    return dovecot.missing() or postfix.missing()


@contextmanager
def running_dovecot(sim: Simulator) -> Iterator[Dovecot]:
    """Start Dovecot, and what its submission hands mail to."""
    with (
        closing(relay()) as behind,
        Dovecot(
            server_pem=sim.server_pem,
            public_key=sim.public_key_pem,
            issuer=f"https://sts.windows.net/{sim.tenant.id}/",
            relay_port=behind.port,
        ) as server,
    ):
        yield server


@contextmanager
def running_postfix(sim: Simulator, mail: Dovecot) -> Iterator[Postfix]:
    """Start Postfix, which asks that Dovecot who signs in."""
    with Postfix(server_pem=sim.server_pem, sasl_socket=mail.sasl_socket) as server:
        yield server
