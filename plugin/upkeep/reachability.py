"""Whether Microsoft's servers can be reached, and know the registration. Signs no person in.

Everything is asked as the ERP asks it: by the same sockets, through the same proxy, with the same
trust. `doctor` says what an answer means.
"""

from __future__ import annotations

import re
import secrets
import socket
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ..entra.refusals import GrantRefusedError, broken
from ..errors import MailError, UnavailableError
from ..findings.classify import network_code
from ..settings.clouds import endpoints
from ..transport.imap import imap_session
from ..transport.smtp import smtp_session
from ..wire.deadline import Deadline
from ..wire.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...schemas.settings import Settings

_DISCOVERY = "/v2.0/.well-known/openid-configuration"
_AUTHORIZE = "/oauth2/v2.0/authorize"
#: Entra's error page is HTML; the number stands in its text.
_AADSTS = re.compile(r"AADSTS(\d{4,9})")


@dataclass(frozen=True, slots=True)
class Answered:
    """The sign-in server's answer: seconds that it took, and by how many our clock is ahead."""

    seconds: float
    ahead: float | None


class _ArrivedError(Exception):
    """The way was gone up to the sign-in; nobody signs in."""


def ask_authority(settings: Settings, *, clock: Callable[[], float] = time.time) -> Answered:
    """Read the sign-in server's discovery document; `clock` is the one that is compared.

    Raises ``RegistrationError`` for an unknown tenant, ``MailError`` for a network that does not
    lead there, ``UnavailableError`` for any other answer.
    """
    started, wall = time.monotonic(), clock()
    answer = _get(settings, _DISCOVERY)
    seconds = time.monotonic() - started
    if answer.status_code != 200:
        raise broken(status=answer.status_code, retry_after=None, discovering=True)
    ahead = None
    with suppress(KeyError, ValueError):
        told = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        # The header has whole seconds, and was written somewhere in the middle of the exchange.
        ahead = wall + seconds / 2 - (told + 0.5)
    return Answered(seconds, ahead)


def ask_redirect_uri(settings: Settings) -> bool:
    """Return whether the sign-in page sends people back to our address; False if it does not tell.

    With ``prompt=none`` and nobody signed in it must answer by a redirect (OpenID Connect Core
    §3.1.2.1), but only to an address that is registered (RFC 6749 §4.1.2.1). Raises what
    `ask_authority` does, and ``GrantRefusedError`` with the number of the page's error.
    """
    query = {
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "response_type": "code",
        "response_mode": "query",
        "scope": "openid",
        "prompt": "none",
        "state": secrets.token_urlsafe(16),
        # Of a verifier that nobody has: no code can come of this.
        "code_challenge": secrets.token_urlsafe(32),
        "code_challenge_method": "S256",
    }
    answer = _get(settings, f"{_AUTHORIZE}?{urlencode(query)}")
    if answer.headers.get("Location", "").startswith(settings.redirect_uri):
        return True
    numbers = [int(number) for number in _AADSTS.findall(answer.text)]
    if numbers:
        raise GrantRefusedError({"error": "invalid_request", "error_codes": numbers})
    return False


def reach_imap(settings: Settings) -> float:
    """Connect to the IMAP server and secure it; return the seconds. Raises ``MailError``."""
    started = time.monotonic()
    with (
        suppress(_ArrivedError),
        imap_session(settings, mailbox="", token="", stage=_up_to_sign_in),
    ):
        pass
    return time.monotonic() - started


def reach_smtp(settings: Settings) -> float:
    """Connect to the SMTP server, up to the greeting over TLS. Raises ``MailError``."""
    started = time.monotonic()
    with (
        suppress(_ArrivedError),
        smtp_session(settings, username="", token="", stage=_up_to_sign_in),
    ):
        pass
    return time.monotonic() - started


@contextmanager
def _up_to_sign_in(stage: str) -> Iterator[None]:
    if stage == "sign_in":
        raise _ArrivedError
    yield


def _get(settings: Settings, path: str) -> Any:
    import requests  # noqa: PLC0415 - loaded at first use

    from ..wire.http import DeadlineSession  # noqa: PLC0415 - likewise

    url = endpoints(settings).authority_url + path
    with (
        Deadline.after(settings.http_timeout).applied(),
        DeadlineSession(tls_context(settings.ca_file), proxy=settings.proxy) as session,
    ):
        try:
            return session.get(url)
        except (requests.RequestException, OSError) as err:
            raise _unreached(err) from err


def _unreached(err: Exception) -> MailError | UnavailableError:
    """Return what the network said, if it said something closer than that it failed."""
    name, cause = type(err).__name__, _socket_error(err)
    if name in {"ProxyError", "SSLError"} or cause is None:
        return UnavailableError(name)
    return MailError(network_code(cause, stage="connect"), stage="connect")


def _socket_error(err: BaseException | None) -> OSError | None:
    """Return the socket's own error among the causes of a library's."""
    while err is not None:
        # requests' errors are OSErrors too, without a number.
        if isinstance(err, TimeoutError | socket.gaierror) or (
            isinstance(err, OSError) and err.errno is not None
        ):
            return err
        err = err.__cause__ or err.__context__
    return None
