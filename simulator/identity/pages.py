"""The pages' templates and the headers that every page carries."""

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from .errors import EntraError

FOLDER = Path(__file__).parent.parent
#: no form-action: Chromium would apply it to the redirect back to the host, too
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(FOLDER / "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined)


def page(name: str, status: int = 200, **values: Any) -> Response:
    """Return a page made from `templates/{name}.html`."""
    text = _templates().get_template(f"{name}.html").render(**values)
    return HTMLResponse(text, status, _HEADERS)


def error_page(err: EntraError) -> Response:
    """Return the page that Entra shows when it cannot send the browser back."""
    return page("error", err.status, error=err)


def redirect(url: str, answer: dict[str, str]) -> Response:
    """Send the browser to `url` with the answer in its query."""
    joint = "&" if "?" in url else "?"
    location = f"{url}{joint}{urlencode(answer)}"
    return RedirectResponse(location, 303, {**_HEADERS})


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
