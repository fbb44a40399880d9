"""The way to a mail server, the same for every protocol: name, connection; and its errors.

What is said once the connection stands is left to the protocol's own module.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import MailError
from ..findings.classify import network_code
from ..wire.connecting import connect, resolve
from ..wire.deadline import TooMuchDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schemas.settings import Endpoint
    from ..wire.deadline import DeadlineSocket
    from .stages import EnterStage


def reached(place: Endpoint, stage: EnterStage) -> DeadlineSocket:
    """Look the server's name up and connect; raise ``MailError``. Enters `name` and `connect`."""
    with stage("name"), network_translated("name"):
        addresses = resolve(place.host, place.port)
    with stage("connect"), network_translated("connect"):
        return connect(addresses)


@contextmanager
def network_translated(stage: str) -> Iterator[None]:
    """Make ``MailError`` of what sockets, TLS and the deadline raise."""
    try:
        yield
    except (OSError, TooMuchDataError) as err:
        raise network_error(err, stage) from err


def network_error(err: BaseException, stage: str) -> MailError:
    """Return the error of ours for one of a socket, of TLS or of the deadline."""
    return MailError(network_code(err, stage=stage), stage=stage)
