"""How the identity provider answers a person's browser: error pages and the way back."""

from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from ..pages import HEADERS, page
from .errors import EntraError


def error_page(err: EntraError) -> Response:
    """Return the page that Entra shows when it cannot send the browser back."""
    return page("error", err.status, error=err)


def redirect(url: str, answer: dict[str, str]) -> Response:
    """Send the browser to `url` with the answer in its query."""
    joint = "&" if "?" in url else "?"
    location = f"{url}{joint}{urlencode(answer)}"
    return RedirectResponse(location, 303, {**HEADERS})


def send_back(request: dict[str, str], answer: dict[str, str]) -> Response:
    """Answer an authorization request in the response mode that it asked for."""
    if "state" in request:
        answer = {**answer, "state": request["state"]}
    if request.get("response_mode") == "form_post":
        return page("form_post", action=request["redirect_uri"], answer=answer)
    return redirect(request["redirect_uri"], answer)


def refusal(err: EntraError, *, subcode: str | None = None) -> dict[str, str]:
    """Return an error as the answer to an authorization request."""
    answer = {"error": err.error, "error_description": err.description}
    return answer | ({"error_subcode": subcode} if subcode else {})
