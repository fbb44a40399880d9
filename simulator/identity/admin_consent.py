"""Consent for the whole tenant, which only an administrator can give."""

from starlette.requests import Request
from starlette.responses import Response

from ..pages import page
from ..tenant.people import TENANT_ID
from ..tenant.scopes import MAIL_SCOPES, UnknownScopeError, resource_scopes
from .authorize import check_redirect, consent_values, form_of
from .entra import Entra
from .errors import EntraError
from .pages import error_page, redirect, refusal
from .sign_in import SignIn, Visitor


class AdminConsent:
    """Answers `{tenant}/v2.0/adminconsent`."""

    def __init__(self, entra: Entra, sign_in: SignIn) -> None:
        self._entra = entra
        self._sign_in = sign_in

    async def __call__(self, request: Request) -> Response:
        """Show the next page, or send the browser back."""
        asked, form = dict(request.query_params), await form_of(request)
        asked.setdefault("scope", " ".join(MAIL_SCOPES))
        try:
            self._entra.tenant_path(request)
            check_redirect(self._entra, asked)
            resource_scopes(asked["scope"])
        except EntraError as err:
            return error_page(err)
        except UnknownScopeError:
            return error_page(EntraError(70011))
        if form.get("step") == "back":
            return self._back(asked, refusal(EntraError(90094)))
        found = self._sign_in.visitor(request, form, prompt="select_account")
        if isinstance(found, Response):
            return found
        answer = form.get("answer") if form.get("step") == "consent" else None
        response = self._answered(found, asked, answer)
        return self._sign_in.remember(request, response, found)

    def _answered(self, visitor: Visitor, asked: dict[str, str], answer: str | None) -> Response:
        values = consent_values(self._entra, visitor, f"{asked['scope']} openid")
        if not visitor.person.administrator:
            return page("admin_needed", **values)
        if answer == "No":
            return self._back(asked, refusal(EntraError(65004), subcode="cancel"))
        if answer != "Yes":
            return page("admin_consent", **values)
        self._entra.tenant.grant_consent(scopes=resource_scopes(asked["scope"]))
        given = {"admin_consent": "True", "tenant": TENANT_ID, "scope": asked["scope"]}
        return self._back(asked, given)

    @staticmethod
    def _back(asked: dict[str, str], answer: dict[str, str]) -> Response:
        if "state" in asked:
            answer = {**answer, "state": asked["state"]}
        return redirect(asked["redirect_uri"], answer)
