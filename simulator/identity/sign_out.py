"""Sign-out (OpenID Connect RP-Initiated Logout): the browser forgets who signed in."""

from starlette.requests import Request
from starlette.responses import Response

from ..pages import page
from .entra import Entra
from .pages import redirect
from .redirects import is_registered
from .sign_in import COOKIE


class SignOut:
    """Answers the end_session endpoint."""

    def __init__(self, entra: Entra) -> None:
        self._entra = entra

    async def __call__(self, request: Request) -> Response:
        """Send the browser back to a registered address, or say that it is done."""
        wanted = request.query_params.get("post_logout_redirect_uri", "")
        if is_registered(wanted, self._entra.registration.all_redirect_uris):
            state = request.query_params.get("state")
            response = redirect(wanted, {"state": state} if state else {})
        else:
            response = page("signed_out")
        response.delete_cookie(COOKIE)
        return response
