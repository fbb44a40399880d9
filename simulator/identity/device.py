"""Sign-in on another device: the code that a program shows, and the page where it is typed."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..pages import page
from ..tenant.scopes import UnknownScopeError, resource_scopes
from .authorize import consent_values, form_of
from .client_authentication import know_client
from .codes import DeviceCodes, DeviceGrant
from .entra import Entra
from .errors import EntraError
from .sign_in import SignIn, Visitor

_INTERVAL_SECONDS = 1


class Device:
    """The endpoint for the program and the page for the person (RFC 8628)."""

    def __init__(self, entra: Entra, sign_in: SignIn) -> None:
        self._entra = entra
        self._sign_in = sign_in

    async def code(self, request: Request) -> Response:
        """Answer a program that wants a code."""
        form = await form_of(request)
        try:
            self._entra.tenant_path(request)
            know_client(self._entra.registration, form)
            resource_scopes(form.get("scope", ""))
        except EntraError as err:
            return err.response()
        except UnknownScopeError:
            return EntraError(70011).response()
        code, grant = self._entra.devices.issue(form.get("scope", ""))
        url = f"{self._entra.browser_url}/device"
        times = {"expires_in": DeviceCodes.SECONDS, "interval": _INTERVAL_SECONDS}
        message = f"To sign in, open the page {url} and enter the code {grant.user_code}."
        codes = {"user_code": grant.user_code, "device_code": code, "verification_uri": url}
        return JSONResponse(codes | times | {"message": message})

    async def page(self, request: Request) -> Response:
        """Show the next page to the person."""
        typed = request.query_params.get("user_code", "")
        grant = self._entra.devices.by_user_code(typed)
        if grant is None:
            message = f"{EntraError(70018).text} (AADSTS70018)" if typed else ""
            return page("device", typed=typed, message=message)
        form = await form_of(request)
        if form.get("step") == "back":
            return self._decided(grant, None)
        found = self._sign_in.visitor(request, form, prompt="select_account")
        if isinstance(found, Response):
            return found
        answer = form.get("answer") if form.get("step") == "consent" else None
        response = self._answered(found, grant, answer)
        return self._sign_in.remember(request, response, found)

    def _answered(self, visitor: Visitor, grant: DeviceGrant, answer: str | None) -> Response:
        policies, person = self._entra.tenant.policies, visitor.person
        if answer == "No":
            return self._decided(grant, None)
        scopes = resource_scopes(grant.scope)
        covered = self._entra.tenant.consents.cover(person.address, scopes)
        if not covered and policies.admin_consent_required and not person.administrator:
            return page("admin_needed", **consent_values(self._entra, visitor, grant.scope))
        if answer != "Yes":  # a device always asks: its program may be somebody else's
            return page("consent", **consent_values(self._entra, visitor, grant.scope))
        self._entra.tenant.consents.grant(person.address, scopes)
        return self._decided(grant, person.address)

    def _decided(self, grant: DeviceGrant, user: str | None) -> Response:
        grant.user, grant.declined = user, user is None
        return page("device_done", app=self._entra.registration.name, declined=grant.declined)
