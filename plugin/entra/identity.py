"""Microsoft's identity platform behind a small face: begin, redeem, renew, consent.

How MSAL and its HTTP are used is in `msal_client`, what answers must look like in `answers`, and
what refusals mean in `refusals`.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from ...schemas.secret import Secret
from ..errors import UnavailableError
from ..settings.clouds import endpoints
from ..wire.tls import tls_context
from .answers import device_fields, token_fields
from .claims import ForeignTokenError, app_itself, check_nonce, person_of
from .credential import credential_of
from .discovery import Discovery
from .msal_client import Client, memory_of, quiet_msal, translated
from .refusals import GrantRefusedError, UnfitAnswerError
from .tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ...schemas.settings import Settings
    from .answers import Reader
    from .asking import HttpClient

_AUTHORIZE_PATH = "/oauth2/v2.0/authorize"


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
        self._discovery = Discovery(http, authority)

    def begin(self, *, state: str, username: str, claims: str | None) -> dict[str, Any]:
        """Return MSAL's flow for one sign-in (secret); its ``auth_uri`` is where to go."""
        flow, _ = self._asked(
            lambda app: app.initiate_auth_code_flow(
                list(self._scopes),
                redirect_uri=self._settings.redirect_uri,
                state=state,
                prompt="select_account",
                login_hint=username,
                response_mode="form_post",
                claims_challenge=claims,
            )
        )
        return dict(flow) | {"auth_uri": _by_query(flow["auth_uri"])}

    def consent_url(self, state: str | None) -> str:
        """Return the page where the tenant's administrator consents for everybody.

        Source: Microsoft Learn, "Admin consent on the Microsoft identity platform".
        """
        # Beside the page for signing in, which discovery names: it stands where browsers go.
        return self._consent_page(self._discovery.document().authorization_endpoint, state)

    def consent_link(self) -> str:
        """Return the page's address to send to somebody, without any network.

        Where discovery was read in this process it names the place, else the authority does: at
        Microsoft both are the same.
        """
        known = self._discovery.known
        return self._consent_page(known.authorization_endpoint if known else self._authority, None)

    def _consent_page(self, place: str, state: str | None) -> str:
        query = {
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": " ".join((*self._scopes, "offline_access", "openid", "profile")),
            **({"state": state} if state else {}),
        }
        return f"{place.removesuffix(_AUTHORIZE_PATH)}/v2.0/adminconsent?{urlencode(query)}"

    def issuer(self) -> str:
        """Return the issuer of the authority's id tokens; ``{tenantid}`` stands for any tenant."""
        return self._discovery.document().issuer

    def check_issuer(self, issuer: str | None) -> None:
        """Compare the `iss` that came back by the browser, with a code or an error (RFC 9207).

        Raises ``ForeignTokenError`` for another issuer, and for none where one was promised.
        """
        self._discovery.document().check_issuer(issuer)

    def check_tenant(self, tenant: str | None) -> None:
        """Compare the tenant that a consent names with the authority's.

        Raises ``ForeignTokenError``. For a shared authority any tenant may be the right one.
        """
        self._discovery.document().check_tenant(tenant)

    def redeem(self, flow: dict[str, Any], code: str) -> SignedIn:
        """Redeem the code of a finished flow: one POST. The caller checks the id token's claims.

        Raises ``GrantRefusedError``, ``UnfitAnswerError`` without a refresh token, and
        ``ForeignTokenError`` for another nonce than the flow's.
        """
        nonce = parse_qs(urlsplit(flow["auth_uri"]).query)["nonce"][0]

        def read(found: Mapping[str, Any]) -> dict[str, Any]:
            kept = _sign_in_fields(found)
            check_nonce(kept["id_token"], nonce)
            return kept

        return self._signed_in(
            *self._asked(
                lambda app: app.acquire_token_by_auth_code_flow(
                    flow, {"state": flow["state"], "code": code}, list(self._scopes)
                ),
                read=read,
            )
        )

    def begin_device(self, *, claims: str | None) -> dict[str, Any]:
        """Return MSAL's flow for a sign-in on another device (RFC 8628); it is secret.

        Only ``user_code`` and ``verification_uri`` are for the person. ``expires_in`` and
        ``interval`` are whole seconds within reason. Raises ``GrantRefusedError``.
        """
        # MSAL itself offers this to public clients only. Ours is confidential and stays so: it
        # proves itself when it polls, and its grants are renewed as all others are.
        scopes = [*self._scopes, "offline_access", "openid", "profile"]
        data = {"claims": claims} if claims else {}
        flow, _ = self._asked(
            lambda app: app.client.initiate_device_flow(scope=scopes, data=data), read=device_fields
        )
        return dict(flow)

    def poll_device(self, flow: dict[str, Any]) -> SignedIn | None:
        """Ask once whether somebody has signed in; None if not yet. `flow` is changed.

        Raises ``GrantRefusedError``, and ``UnfitAnswerError`` without a refresh token.
        """
        try:
            answer = self._asked(
                lambda app: app.client.obtain_token_by_device_flow(
                    flow, exit_condition=lambda _: True
                ),
                read=_sign_in_fields,
            )
        except GrantRefusedError as err:
            if err.error == "authorization_pending":
                return None
            raise
        return self._signed_in(*answer)

    def _signed_in(self, answer: Mapping[str, Any], cache: str) -> SignedIn:
        return SignedIn(tokens=self._tokens(answer, cache), id_token=Secret(answer["id_token"]))

    def renew(self, msal_cache: str) -> Tokens:
        """Renew an account's tokens with the refresh token in its cache: one POST.

        Whatever the answer lacks stays as it is in the cache. Raises ``GrantRefusedError``, also
        where the cache holds no refresh token.
        """
        owner: dict[str, Any] = {}

        def acquire(app: Any) -> Any:
            owner.update(next(iter(app.get_accounts()), {}))
            if not owner:
                return None
            return app.acquire_token_silent_with_error(
                list(self._scopes), owner, force_refresh=True
            )

        def read(found: Mapping[str, Any]) -> dict[str, Any]:
            return _renewed_fields(found, owner)

        return self._tokens(*self._asked(acquire, msal_cache, read=read))

    def app_tokens(self) -> Tokens:
        """Sign in as the app itself, for no person (client credentials): one POST.

        The scopes are the roles that the token names, or the one that was asked for if it names
        none: Microsoft gives an app without any permission a token too. Raises
        ``GrantRefusedError``, also for the tenant ``organizations``, which can name no app.
        """
        asked = endpoints(self._settings).app_scope
        answer, _ = self._asked(lambda app: app.acquire_token_for_client([asked]))
        tokens = self._tokens(answer, "")
        resource = asked.rpartition("/")[0]
        roles = (f"{resource}/{role}" for role in app_itself(tokens.access_token).roles)
        return replace(tokens, scopes=tuple(roles) or (asked,))

    def _asked(
        self,
        question: Callable[[Any], Any],
        cache: str | None = None,
        *,
        read: Reader = token_fields,
    ) -> tuple[Mapping[str, Any], str]:
        """Return what MSAL says to a question, and its cache of one account afterwards."""
        client = Client(self._http, self._discovery, read)
        credential = credential_of(self._settings)
        memory = memory_of(cache)

        def put() -> Any:
            return question(
                quiet_msal().ConfidentialClientApplication(
                    self._settings.client_id,
                    client_credential=credential,
                    authority=self._authority,
                    instance_discovery=False,
                    http_client=client,
                    http_cache={},
                    token_cache=memory,
                )
            )

        answer = translated(client, put)
        if not isinstance(answer, dict):
            # MSAL asked nothing: its cache holds no refresh token.
            raise GrantRefusedError({"error": "invalid_grant"})
        return answer, Secret(memory.serialize())

    def _tokens(self, answer: Mapping[str, Any], cache: str) -> Tokens:
        # No scope in the answer means: as requested (RFC 6749 §5.1).
        granted = answer.get("scope")
        return Tokens(
            access_token=Secret(answer["access_token"]),
            lifetime=answer["expires_in"],
            scopes=tuple(granted.split()) if granted else self._scopes,
            msal_cache=cache,
        )


def _sign_in_fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a sign-in's answer, which must be of use for longer than an hour."""
    kept = token_fields(found)
    if "id_token" not in kept:
        raise UnavailableError("the answer has no id token")
    if "refresh_token" not in kept:
        raise UnfitAnswerError("offline_access_missing")
    return kept


def _renewed_fields(found: Mapping[str, Any], owner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a renewal's answer, which must be for the person of the grant.

    Those that name the person are compared (OpenID Connect Core §12.2) and left out: MSAL would
    put another person's tokens beside the first one's.
    """
    kept = token_fields(found)
    id_token = kept.pop("id_token", None)
    kept.pop("client_info", None)
    try:
        person = person_of(id_token) if id_token else None
    except ForeignTokenError:
        raise UnavailableError("no usable answer") from None
    if person not in {None, owner.get("local_account_id")}:
        raise UnavailableError("the answer is for somebody else")
    return kept


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
