"""The authorization endpoint: sign in, consent, and back to the host with a code."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..pages import page
from ..tenant.scopes import UnknownScopeError, meanings, resource_scopes
from .entra import Entra
from .errors import EntraError
from .pages import error_page, refusal, send_back
from .redirects import is_registered
from .sign_in import SignIn, Visitor
from .tokens import client_info


class Authorize:
    """Answers authorization requests (RFC 6749, 4.1.1; PKCE, RFC 7636, where a client has it)."""

    def __init__(self, entra: Entra, sign_in: SignIn) -> None:
        self._entra = entra
        self._sign_in = sign_in

    async def __call__(self, request: Request) -> Response:
        """Show the next page, or send the browser back."""
        asked = dict(request.query_params)
        form = await form_of(request)
        try:
            self._entra.tenant_path(request)
            check_redirect(self._entra, asked)
        except EntraError as err:
            return error_page(err)
        try:
            _check(asked, pkce_required=self._entra.tenant.policies.pkce_required)
        except EntraError as err:
            return send_back(asked, refusal(err))
        return self._step(request, asked, form)

    def _step(self, request: Request, asked: dict[str, str], form: dict[str, str]) -> Response:
        if form.get("step") == "back":
            return send_back(asked, refusal(EntraError(90094)))
        if asked.get("prompt") == "none":
            return self._silently(request, asked)
        hint, prompt = asked.get("login_hint", ""), asked.get("prompt", "")
        found = self._sign_in.visitor(request, form, hint=hint, prompt=prompt)
        if isinstance(found, Response):
            return found
        answer = self._consented(found, asked, form)
        return self._sign_in.remember(request, answer, found)

    def _silently(self, request: Request, asked: dict[str, str]) -> Response:
        found = self._sign_in.signed_in_silently(request, asked.get("login_hint", ""))
        if found is None:
            return send_back(asked, refusal(EntraError(50058)))
        if not self._has_consented(found, asked):
            return send_back(asked, refusal(EntraError(65001, error="interaction_required")))
        return self._code(found, asked)

    def _has_consented(self, visitor: Visitor, asked: Mapping[str, str]) -> bool:
        consents = self._entra.tenant.consents
        return consents.cover(visitor.person.address, resource_scopes(asked["scope"]))

    def _consented(
        self, visitor: Visitor, asked: dict[str, str], form: Mapping[str, str]
    ) -> Response:
        answer = form.get("answer") if form.get("step") == "consent" else None
        if answer == "No":
            return send_back(asked, refusal(EntraError(65004), subcode="cancel"))
        if answer == "Yes" and self._may_consent(visitor):
            scopes = resource_scopes(asked["scope"])
            self._entra.tenant.consents.grant(visitor.person.address, scopes)
        elif asked.get("prompt") == "consent" or not self._has_consented(visitor, asked):
            return self._ask_consent(visitor, asked)
        return self._code(visitor, asked)

    def _may_consent(self, visitor: Visitor) -> bool:
        required = self._entra.tenant.policies.admin_consent_required
        return visitor.person.administrator or not required

    def _ask_consent(self, visitor: Visitor, asked: Mapping[str, str]) -> Response:
        name = "consent" if self._may_consent(visitor) else "admin_needed"
        return page(name, **consent_values(self._entra, visitor, asked["scope"]))

    def _code(self, visitor: Visitor, asked: dict[str, str]) -> Response:
        code = self._entra.codes.issue(visitor.person.address, asked)
        answer = {"code": code}
        if asked.get("client_info") == "1":
            answer["client_info"] = client_info(visitor.person)
        return send_back(asked, answer)


def consent_values(entra: Entra, visitor: Visitor, scope: str) -> dict[str, Any]:
    """Return what a page about permissions shows."""
    return {
        "visitor": visitor,
        "app": entra.registration.name,
        "permissions": meanings(scope),
        "error": EntraError(90094),
    }


async def form_of(request: Request) -> dict[str, str]:
    """Return a posted form; nothing for a GET."""
    if request.method != "POST":
        return {}
    return {name: str(value) for name, value in (await request.form()).items()}


def check_redirect(entra: Entra, asked: Mapping[str, str]) -> None:
    """Let a known client with a registered redirect URI pass. Raises EntraError."""
    registration = entra.registration
    client_id, uri = asked.get("client_id", ""), asked.get("redirect_uri")
    if client_id != registration.client_id:
        raise EntraError(700016, client_id=client_id)
    if uri is None:
        raise EntraError(900971)
    if not is_registered(uri, registration.all_redirect_uris):
        raise EntraError(50011, client_id=client_id, redirect_uri=uri)


def _check(asked: Mapping[str, str], *, pkce_required: bool) -> None:
    if asked.get("response_type") != "code":
        raise EntraError(900144, field="response_type", error="unsupported_response_type")
    if "scope" not in asked:
        raise EntraError(900144, field="scope")
    challenge, method = asked.get("code_challenge"), asked.get("code_challenge_method", "plain")
    if pkce_required and (not challenge or method != "S256"):
        raise EntraError(9002325)
    if challenge and method not in ("plain", "S256"):
        raise EntraError(501491)
    try:
        resource_scopes(asked["scope"])
    except UnknownScopeError as err:
        raise EntraError(70011) from err
