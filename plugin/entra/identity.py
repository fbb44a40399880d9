"""MSAL behind a small face: begin, redeem, renew, consent. `answers` says what failures mean.

How MSAL itself is used, and its HTTP, is `msal_client`'s job.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..errors import RegistrationError, UnavailableError
from ..settings.clouds import endpoints
from ..wire.tls import tls_context
from .claims import app_itself
from .msal_client import DISCOVERY_PATH, Client, quiet_msal
from .refusals import GrantRefusedError, refusal
from .tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ...schemas.settings import Settings
    from .msal_client import HttpClient

#: A token's life is believed up to a day: Microsoft's longest is 28 hours (CAE), usual is one.
_LONGEST_LIFE = 24 * 3600
_AUTHORIZE_PATH = "/oauth2/v2.0/authorize"
_DEVICE_FLOW = ("device_code", "user_code", "verification_uri")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """What a redeemed code gave: tokens, and the id token's text for the caller to check."""

    tokens: Tokens = field(repr=False)
    id_token: str = field(repr=False)


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
        # Beside the page for signing in, which discovery names: it stands where browsers go.
        authorize = str(self._discovery()["authorization_endpoint"])
        return self._consent_page(authorize.removesuffix(_AUTHORIZE_PATH), state)

    def consent_link(self) -> str:
        """Return the page's address to send to somebody, without any network.

        Where discovery was read in this process it names the place, else the authority does: at
        Microsoft both are one.
        """
        try:
            _, known = self._discovered[self._authority + DISCOVERY_PATH]
            authorize = str(json.loads(known.text)["authorization_endpoint"])
        except (KeyError, TypeError, ValueError):
            authorize = self._authority
        return self._consent_page(authorize.removesuffix(_AUTHORIZE_PATH), None)

    def _consent_page(self, place: str, state: str | None) -> str:
        query = {
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join((*self._scopes, "offline_access", "openid", "profile")),
            **({"state": state} if state else {}),
        }
        return f"{place}/v2.0/adminconsent?{urlencode(query)}"

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
        return self._signed_in(answer, cache)

    def begin_device(self, *, claims: str | None) -> dict[str, Any]:
        """Return MSAL's flow for a sign-in on another device (RFC 8628); it is secret.

        Only ``user_code`` and ``verification_uri`` are for the person. Raises
        ``GrantRefusedError``.
        """
        # MSAL itself offers this to public clients only. Ours is confidential and stays so: it
        # proves itself when it polls, and its grants are renewed as all others are.
        scopes = [*self._scopes, "offline_access", "openid", "profile"]
        data = {"claims": claims} if claims else {}
        flow, _ = self._answer(lambda app: app.client.initiate_device_flow(scope=scopes, data=data))
        if not all(isinstance(flow.get(name), str) for name in _DEVICE_FLOW):
            raise UnavailableError("the answer has no device code")
        return dict(flow)

    def poll_device(self, flow: dict[str, Any]) -> SignedIn | None:
        """Ask once whether somebody has signed in; None if not yet. `flow` is changed.

        Raises ``GrantRefusedError``.
        """
        try:
            answer, cache = self._answer(
                lambda app: app.client.obtain_token_by_device_flow(
                    flow, exit_condition=lambda _: True
                )
            )
        except GrantRefusedError as err:
            if err.error == "authorization_pending":
                return None
            raise
        return self._signed_in(answer, cache)

    def _signed_in(self, answer: Mapping[str, Any], cache: str) -> SignedIn:
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

    def app_tokens(self) -> Tokens:
        """Sign in as the app itself, for no person (client credentials): one POST.

        The scopes are the roles that the token names, or the one that was asked for if it names
        none: Microsoft gives an app without any permission a token too. Raises
        ``GrantRefusedError``, also for the tenant ``organizations``, which can name no app.
        """
        asked = endpoints(self._settings).app_scope
        answer, _ = self._answer(lambda app: app.acquire_token_for_client([asked]))
        tokens = self._tokens(answer, "")
        resource = asked.rpartition("/")[0]
        roles = (f"{resource}/{role}" for role in app_itself(tokens.access_token).roles)
        return replace(tokens, scopes=tuple(roles) or (asked,))

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
        client = Client(self._http, self._discovered)
        with self._translated(client):
            answer = client.get(self._authority + DISCOVERY_PATH)
            document: dict[str, Any] = json.loads(answer.text)
            if answer.status_code != 200 or not {"issuer", "authorization_endpoint"} <= set(
                document
            ):
                raise client.broken()
            return document

    @contextmanager
    def _app(self, cache: str | None) -> Iterator[tuple[Any, Client]]:
        """Give MSAL's application with one account's cache, its failures translated."""
        msal = quiet_msal()
        client = Client(self._http, self._discovered)
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
    def _translated(client: Client) -> Iterator[None]:
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
    from ..wire.http import DeadlineSession  # noqa: PLC0415 - brings requests

    key = (os.getpid(), settings)
    with _lock:
        if key not in _identities:
            places = endpoints(settings)
            session = DeadlineSession(tls_context(settings.ca_file), proxy=settings.proxy)
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
