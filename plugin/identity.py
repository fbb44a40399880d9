"""MSAL behind a small face: begin, redeem, renew, consent. `answers` says what failures mean."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from .answers import GrantRefusedError, broken, refusal, seconds_of
from .clouds import endpoints
from .errors import M365Error, RegistrationError, UnavailableError
from .net import http_session, tls_context
from .store.grants import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ..schemas.settings import Settings

#: A token's life is believed up to a day: Microsoft's longest is 28 hours (CAE), usual is one.
_LONGEST_LIFE = 24 * 3600
_DISCOVERY_SECONDS = 24 * 3600.0
_DISCOVERY_PATH = "/v2.0/.well-known/openid-configuration"
_AUTHORIZE_PATH = "/oauth2/v2.0/authorize"


def _tells_no_secret(record: logging.LogRecord) -> bool:
    # At DEBUG MSAL tells codes and verifiers; its OAuth client a whole answer that is not JSON.
    return record.levelno > logging.DEBUG and record.name != "msal.oauth2cli.oauth2"


@cache
def quiet_msal() -> Any:
    """Return MSAL, its loggers kept from telling secrets whatever levels the host sets."""
    import msal  # noqa: PLC0415 - 92 ms that a host pays at the first sign-in, not at its start

    # A filter counts for records of its own logger only, so that each of them needs it.
    for name in tuple(sys.modules):
        if name.partition(".")[0] == "msal":
            logging.getLogger(name).addFilter(_tells_no_secret)
    return msal


class HttpClient(Protocol):
    """What MSAL asks of an HTTP client: `requests.Session` has this shape."""

    def get(self, url: str, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102
    def post(self, url: str, *args: Any, **kwargs: Any) -> Any: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a redeemed code gave: tokens, and the id token's text for the caller to check."""

    tokens: Tokens = field(repr=False)
    id_token: str = field(repr=False)


class _Client:
    """The session as MSAL sees it: discovery is remembered, the last answer's status is kept.

    MSAL's own ``http_cache`` would also remember refusals (a 400 for 60 s), so that the answer
    after an administrator's consent would be a stale one.
    """

    def __init__(self, session: HttpClient, discovered: dict[str, tuple[float, Any]]) -> None:
        self._session = session
        self._discovered = discovered
        self.discovering = False
        self.status = 0
        self.retry_after: float | None = None

    def get(self, url: str, **kwargs: Any) -> Any:
        """GET, from memory if it is a discovery document of the last day."""
        known = self._discovered.get(url)
        if known and known[0] > time.monotonic():
            return known[1]
        self.discovering = True
        answer = self._note(self._session.get(url, **kwargs))
        if answer.status_code == 200 and url.endswith(_DISCOVERY_PATH):
            self._discovered[url] = (time.monotonic() + _DISCOVERY_SECONDS, answer)
        return answer

    def post(self, url: str, **kwargs: Any) -> Any:
        """POST, never remembered."""
        self.discovering = False
        return self._note(self._session.post(url, **kwargs))

    def close(self) -> None:
        """Leave the session open: it is shared."""

    def _note(self, answer: Any) -> Any:
        self.status = answer.status_code
        self.retry_after = seconds_of(answer.headers.get("Retry-After"))
        return answer

    def broken(self) -> M365Error:
        """Return the error that the last answer stands for, which is not one."""
        return broken(
            status=self.status, retry_after=self.retry_after, discovering=self.discovering
        )


class Identity:
    """Microsoft's identity platform for one registration. Safe to use from many threads.

    Every method may raise ``UnavailableError`` and ``RegistrationError``, and keeps to the deadline
    in force.
    """

    def __init__(
        self, settings: Settings, *, authority: str, scopes: Sequence[str], http: HttpClient
    ) -> None:
        self._settings = settings
        self._authority = authority
        self._scopes = tuple(scopes)
        self._http = http
        self._discovered: dict[str, tuple[float, Any]] = {}

    def begin(self, *, state: str, username: str, claims: str | None) -> dict[str, Any]:
        """Return MSAL's flow for one sign-in (secret); its ``auth_uri`` is where to go."""
        with self._app(None) as (app, _):
            flow: dict[str, Any] = app.initiate_auth_code_flow(
                list(self._scopes),
                redirect_uri=self._settings.redirect_uri,
                state=state,
                prompt="select_account",
                login_hint=username,
                response_mode="form_post",
                claims_challenge=claims,
            )
        return flow | {"auth_uri": _by_query(flow["auth_uri"])}

    def consent_url(self, state: str | None) -> str:
        """Return the page where the tenant's administrator consents for everybody.

        Source: Microsoft Learn, "Admin consent on the Microsoft identity platform".
        """
        query = {
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join((*self._scopes, "offline_access", "openid", "profile")),
            **({"state": state} if state else {}),
        }
        # Beside the page for signing in, which discovery names: it stands where browsers go.
        authorize = str(self._discovery()["authorization_endpoint"])
        return f"{authorize.removesuffix(_AUTHORIZE_PATH)}/v2.0/adminconsent?{urlencode(query)}"

    def issuer(self) -> str:
        """Return the issuer of the authority's id tokens; ``{tenantid}`` stands for any tenant."""
        return str(self._discovery()["issuer"])

    def redeem(self, flow: dict[str, Any], code: str) -> SignedIn:
        """Redeem the code of a finished flow: one POST. The caller checks the id token's claims.

        Raises ``GrantRefusedError``.
        """
        answer, cache = self._answer(
            lambda app: app.acquire_token_by_auth_code_flow(
                flow, {"state": flow["state"], "code": code}, list(self._scopes)
            )
        )
        tokens = self._tokens(answer, cache)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise UnavailableError("the answer has no id token")
        return SignedIn(tokens=tokens, id_token=id_token)

    def renew(self, msal_cache: str) -> Tokens:
        """Renew an account's tokens with the refresh token in its cache: one POST.

        Raises ``GrantRefusedError``.
        """

        def acquire(app: Any) -> Any:
            accounts = app.get_accounts()
            if not accounts:
                return {"error": "invalid_grant", "error_description": "no account in the cache"}
            return app.acquire_token_silent_with_error(
                list(self._scopes), accounts[0], force_refresh=True
            )

        answer, cache = self._answer(acquire, msal_cache)
        return self._tokens(answer, cache)

    def _answer(
        self, question: Callable[[Any], Any], cache: str | None = None
    ) -> tuple[Mapping[str, Any], str]:
        with self._app(cache) as (app, client):
            answer = question(app)
            if isinstance(answer, dict) and "error" in answer:
                raise refusal(answer, status=client.status, retry_after=client.retry_after)
            if not isinstance(answer, dict):
                raise client.broken()
            return answer, app.token_cache.serialize()

    def _discovery(self) -> Mapping[str, Any]:
        client = _Client(self._http, self._discovered)
        with self._translated(client):
            answer = client.get(self._authority + _DISCOVERY_PATH)
            document: dict[str, Any] = json.loads(answer.text)
            if answer.status_code != 200 or not {"issuer", "authorization_endpoint"} <= set(
                document
            ):
                raise client.broken()
            return document

    @contextmanager
    def _app(self, cache: str | None) -> Iterator[tuple[Any, _Client]]:
        """Give MSAL's application with one account's cache, its failures translated."""
        msal = quiet_msal()
        client = _Client(self._http, self._discovered)
        memory = msal.SerializableTokenCache()
        with self._translated(client):
            if cache is not None:
                memory.deserialize(cache)
            yield (
                msal.ConfidentialClientApplication(
                    self._settings.client_id,
                    client_credential=self._credential(),
                    authority=self._authority,
                    instance_discovery=False,
                    http_client=client,
                    http_cache={},
                    token_cache=memory,
                ),
                client,
            )

    @staticmethod
    @contextmanager
    def _translated(client: _Client) -> Iterator[None]:
        import requests  # noqa: PLC0415 - likewise
        from msal.exceptions import MsalServiceError  # noqa: PLC0415

        try:
            yield
        except (requests.RequestException, OSError) as err:
            raise UnavailableError(type(err).__name__) from err
        except (
            *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
            MsalServiceError,
        ) as err:
            # MSAL takes an answer's shape for granted and stumbles over any other.
            raise client.broken() from err
        except RuntimeError as err:
            if "nonce" not in str(err):
                raise
            # Not chained: MSAL's message holds the nonce.
            raise GrantRefusedError({"error": "invalid_nonce"}) from None

    def _tokens(self, answer: Mapping[str, Any], cache: str) -> Tokens:
        token, lifetime = answer.get("access_token"), str(answer.get("expires_in", ""))
        seconds = int(lifetime) if lifetime.isdecimal() else 0
        if not isinstance(token, str) or not token or not seconds:
            raise UnavailableError("the answer has no usable token")
        # No scope in the answer means: as requested (RFC 6749 §5.1).
        granted = answer.get("scope")
        return Tokens(
            access_token=token,
            lifetime=min(seconds, _LONGEST_LIFE),
            scopes=tuple(granted.split()) if isinstance(granted, str) else self._scopes,
            msal_cache=cache,
        )

    def _credential(self) -> Any:
        if self._settings.client_certificate is None:
            return self._settings.client_secret
        try:
            pem = self._settings.client_certificate.read_text()
        except (OSError, UnicodeDecodeError) as err:
            raise RegistrationError("certificate_unreadable") from err
        # MSAL computes the thumbprints from the certificate itself.
        return {"private_key": pem, "public_certificate": pem}


_lock = threading.Lock()
_identities: dict[tuple[int, Settings], Identity] = {}


def identity_for(settings: Settings) -> Identity:
    """Return the identity platform of these settings, one per process."""
    key = (os.getpid(), settings)
    with _lock:
        if key not in _identities:
            places = endpoints(settings)
            session = http_session(tls_context(settings.ca_file), proxy=settings.proxy)
            _identities[key] = Identity(
                settings, authority=places.authority_url, scopes=places.scopes, http=session
            )
        return _identities[key]


def _by_query(auth_uri: str) -> str:
    """Let the answer come in the query: a cross-site form_post would come without Lax cookies.

    MSAL warns of every other mode than form_post; silencing a warning is not safe with threads.
    """
    url = urlsplit(auth_uri)
    parameters = dict(parse_qsl(url.query)) | {"response_mode": "query"}
    return urlunsplit(url._replace(query=urlencode(parameters)))


def claims_of(text: str | None) -> str | None:
    """Return `text` if it is a claims request (a JSON object), else None."""
    try:
        return text if text and isinstance(json.loads(text), dict) else None
    except ValueError:
        return None
