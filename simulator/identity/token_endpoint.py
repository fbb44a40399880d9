"""The token endpoint: one method for each grant type."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..tenant.people import Person
from ..tenant.scopes import (
    OUTLOOK_AUDIENCES,
    MixedResourcesError,
    UnknownScopeError,
    audience_of,
    resource_scopes,
)
from .client_authentication import authenticate_client, know_client, with_basic_credentials
from .codes import CodeRefusedError
from .entra import ANY_TENANT, Entra
from .errors import EntraError
from .faults import TokenFault
from .redirects import is_registered
from .tokens import client_info

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
Form = Mapping[str, str]


class TokenEndpoint:
    """Answers token requests; `drop` closes the connection of a request unanswered."""

    def __init__(self, entra: Entra, drop: Callable[[Request], None]) -> None:
        self._entra = entra
        self._drop = drop
        self._grants: dict[str, Callable[[Form], dict[str, Any]]] = {
            "authorization_code": self._code,
            "refresh_token": self._refresh,
            "client_credentials": self._client_credentials,
            DEVICE_GRANT: self._device,
            # Entra's own older name for it, which some clients still send.
            "device_code": self._device,
        }

    async def __call__(self, request: Request) -> Response:
        """Answer a token request."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        grant_type = form.get("grant_type", "")
        self._entra.requests.note("POST", request.url.path, grant_type)
        fault = self._entra.faults.take(grant_type)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if not fault.passes:
                return self._scripted(fault, request)
        try:
            form = with_basic_credentials(form, request.headers.get("authorization", ""))
            form["tenant"] = self._entra.tenant_path(request)
            return JSONResponse(self._answer(form), headers={"Cache-Control": "no-store"})
        except EntraError as err:
            return self._refused(err)

    def _scripted(self, fault: TokenFault, request: Request) -> Response:
        headers = dict(fault.headers)
        if fault.drop:
            self._drop(request)
        if fault.aadsts is not None or fault.error is not None:
            scripted = EntraError(fault.aadsts or 0, error=fault.error).to_json()
            extra = fault.body if isinstance(fault.body, dict) else {}
            return JSONResponse(scripted | extra, fault.status, headers)
        if isinstance(fault.body, dict):
            return JSONResponse(fault.body, fault.status, headers)
        return Response(fault.body or b"", fault.status, headers)

    def _refused(self, err: EntraError) -> Response:
        response = err.response()
        if err.status == 429:
            response.headers["Retry-After"] = str(self._entra.tenant.policies.throttled)
        return response

    def _answer(self, form: Form) -> dict[str, Any]:
        if self._entra.tenant.policies.throttled is not None:
            raise EntraError(90055)
        grant = self._grants.get(form.get("grant_type", ""))
        if grant is None:
            raise EntraError(70003)
        try:
            return grant(form)
        except UnknownScopeError as err:
            raise EntraError(70011) from err
        except MixedResourcesError as err:
            raise EntraError(28003) from err

    def _code(self, form: Form) -> dict[str, Any]:
        code, registration = form.get("code", ""), self._entra.registration
        uri = self._entra.codes.redirect_uri(code)
        public = is_registered(uri, registration.public_redirect_uris)
        authenticate_client(self._entra, form, public=public)
        try:
            grant = self._entra.codes.redeem(code)
        except CodeRefusedError as err:
            raise EntraError(err.aadsts) from err
        asked = grant.request
        if asked["redirect_uri"] != form.get("redirect_uri"):
            raise EntraError(500112, redirect_uri=form.get("redirect_uri", ""))
        _check_verifier(asked, form.get("code_verifier", ""))
        person = self._entra.tenant.people[grant.user]
        scope = form.get("scope") or asked["scope"]
        return self._tokens(person, form, scope, asked.get("nonce"), public=public)

    def _refresh(self, form: Form) -> dict[str, Any]:
        know_client(self._entra.registration, form)
        try:
            held = self._entra.issuer.read_refresh_token(form.get("refresh_token", ""))
        except jwt.ExpiredSignatureError as err:
            raise EntraError(700082) from err
        except jwt.PyJWTError as err:
            raise EntraError(70000) from err
        if not held["public"]:
            authenticate_client(self._entra, form)
        tokens, policies = self._entra.tenant.refresh_tokens, self._entra.tenant.policies
        if tokens.is_revoked(held["user"], held["at"]):
            raise EntraError(50173)
        if policies.refresh_tokens_once and not tokens.use(held["jti"]):
            raise EntraError(70000)
        person = self._entra.tenant.people[held["user"]]
        scope = f"{form.get('scope') or held['scope']} offline_access"
        return self._tokens(person, form, scope, public=held["public"])

    def _client_credentials(self, form: Form) -> dict[str, Any]:
        authenticate_client(self._entra, form)
        if form["tenant"] in ANY_TENANT:
            raise EntraError(50059)
        resource, _, name = form.get("scope", "").rpartition("/")
        if name != ".default" or resource not in OUTLOOK_AUDIENCES:
            raise EntraError(1002012)
        life = self._entra.tenant.policies.token_lifetime
        token = self._entra.issuer.app_token(resource, life)
        return _bearer(token, life)

    def _device(self, form: Form) -> dict[str, Any]:
        know_client(self._entra.registration, form)
        code = form.get("device_code", "")
        grant = self._entra.devices.get(code)
        if grant is None or grant.expires < time.time():
            raise EntraError(70020)
        if grant.declined:
            raise EntraError(65004, error="authorization_declined")
        if grant.user is None:
            raise EntraError(70016)
        self._entra.devices.remove(code)
        person = self._entra.tenant.people[grant.user]
        return self._tokens(person, form, grant.scope, public=True)

    def _tokens(
        self,
        person: Person,
        form: Form,
        scope: str,
        nonce: str | None = None,
        *,
        public: bool = False,
    ) -> dict[str, Any]:
        issuer, life = self._entra.issuer, self._entra.tenant.policies.token_lifetime
        scopes = resource_scopes(scope)
        audience = audience_of(scopes)
        if not self._entra.tenant.consents.cover(person.address, scopes):
            raise EntraError(65001, client_id=issuer.client_id)
        answer = _bearer(issuer.access_token(person, audience, scopes, life), life)
        answer["scope"] = " ".join(scopes)  # offline_access is never echoed
        answer["id_token"] = issuer.id_token(person, nonce)
        if form.get("client_info") == "1":
            answer["client_info"] = client_info(person)
        if "offline_access" in scope.split():
            answer["refresh_token"] = issuer.refresh_token(person, scope, public=public)
        return answer


def _bearer(token: str, life: int) -> dict[str, Any]:
    times = {"expires_in": life, "ext_expires_in": life}
    return {"token_type": "Bearer", **times, "access_token": token}


def _check_verifier(asked: Mapping[str, str], verifier: str) -> None:
    """Compare a code's verifier with its challenge (RFC 7636, 4.6). Raises EntraError."""
    found = verifier
    if asked.get("code_challenge_method") == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        found = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    # A verifier without a challenge is refused too: somebody took the challenge away (RFC 9700).
    if found != asked.get("code_challenge", ""):
        raise EntraError(501481)
