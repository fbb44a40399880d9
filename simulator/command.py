"""The simulator by itself, for a demo: starts, prints its addresses and runs until Ctrl-C."""

import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from .identity.registration import Registration, thumbprints
from .serving import PortInUse
from .simulator import Simulator

#: where the demo looks for the simulator
BROWSER_PORT, PORT, IMAP_PORT, SMTP_PORT = 8366, 8367, 8993, 8587


def serve(
    port: int | None = PORT,
    state_dir: Path | None = None,
    *,
    redirect_uris: Sequence[str] = (),
    register: Callable[[Registration], None] | None = None,
    browser_port: int = BROWSER_PORT,
    imap_port: int = IMAP_PORT,
    smtp_port: int = SMTP_PORT,
) -> None:
    """Run a simulator until Ctrl-C or SIGTERM. A `port` of None takes free ports throughout.

    `register` completes the client's registration once the simulator runs. Raises PortInUse.
    Must be called from the main thread.
    """
    ports = (port, browser_port, imap_port, smtp_port) if port is not None else (0, 0, 0, 0)
    names = ("port", "browser_port", "imap_port", "smtp_port")
    simulator = Simulator(
        state_dir=state_dir,
        redirect_uris=redirect_uris,
        **dict(zip(names, ports, strict=True)),
    )
    stopped = threading.Event()
    with simulator:
        before = {number: signal.signal(number, lambda *_: stopped.set()) for number in _SIGNALS}
        try:
            if register is not None:
                register(simulator.registration)
            click.echo(addresses(simulator))
            stopped.wait()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _certificates(
    _context: click.Context, _option: click.Parameter, files: Sequence[Path]
) -> tuple[bytes, ...]:
    """Read the certificates, so that a wrong file is named before anything starts."""
    read = tuple(file.read_bytes() for file in files)
    for file, content in zip(files, read, strict=True):
        try:
            thumbprints(content)
        except (TypeError, ValueError) as err:
            raise click.BadParameter(f"{file} holds no RSA certificate in PEM") from err
    return read


@click.command()
@click.option("--port", default=PORT, show_default=True, help="Sign-in over TLS, and tokens.")
@click.option("--browser-port", default=BROWSER_PORT, show_default=True, help="Pages and panel.")
@click.option("--imap-port", default=IMAP_PORT, show_default=True)
@click.option("--smtp-port", default=SMTP_PORT, show_default=True)
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for keys, consents and grants; without it all is gone at the end.",
)
@click.option(
    "--redirect-uri", "redirect_uris", multiple=True, help="Register this one. May be repeated."
)
@click.option(
    "--public-redirect-uri",
    "public_redirect_uris",
    multiple=True,
    help="Register this one for mobile and desktop applications, which have no secret.",
)
@click.option(
    "--certificate",
    "certificates",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    callback=_certificates,
    help="Let the client sign in with this certificate (PEM). May be repeated.",
)
def command(
    state: Path | None,
    redirect_uris: tuple[str, ...],
    public_redirect_uris: tuple[str, ...],
    certificates: tuple[bytes, ...],
    **ports: int,
) -> None:
    """Run a stand-in for Microsoft 365 on this computer."""

    def register(registration: Registration) -> None:
        registration.public_redirect_uris.update(public_redirect_uris)
        for certificate in certificates:
            registration.add_certificate(certificate)

    try:
        serve(state_dir=state, redirect_uris=redirect_uris, register=register, **ports)
    except PortInUse as err:
        raise click.ClickException(str(err)) from err


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def addresses(simulator: Simulator) -> str:
    """Return what a person needs to know to use a running simulator; no secret."""
    rows = simulator.addresses()
    lines = "\n".join(f"  {name:<15} {value}" for name, value in rows.items())
    return f"Microsoft 365 simulator (not Microsoft), running until Ctrl-C\n{lines}"
