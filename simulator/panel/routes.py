"""The panel's pages and the JSON API, over the same acts."""

import base64
import json
import secrets
from collections import OrderedDict
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..pages import FOLDER
from ..tenant import headers
from ..tenant.policies import DESCRIPTIONS
from .acts import Acts
from .forms import posted
from .values import PanelError
from .view import View

_DONE = {
    "policies": "The policies are saved and in force.",
    "reset": "Everything is back to the beginning.",
    "revoke": "The grants are revoked.",
    "withdraw": "The consent is withdrawn.",
    "people": "The mailboxes are there.",
    "folders": "The folder is changed.",
    "deliver": "The message is delivered.",
    "reply": "The reply is on its way.",
    "report": "The report is delivered.",
    "faults": "The script is changed.",
}
_MOST_REFUSALS = 20


async def _stylesheet(_request: Request) -> Response:
    return FileResponse(FOLDER / "static" / "simulator.css", media_type="text/css")


STYLESHEET = Route("/static/simulator.css", _stylesheet)


class Panel:
    """Answers a person's browser and the API's callers."""

    def __init__(self, acts: Acts, view: View) -> None:
        self._acts = acts
        self._tenant = acts.tenant
        self._view = view
        #: why forms were refused, until the browser has fetched the page that says so
        self._refusals: OrderedDict[str, str] = OrderedDict()

    async def policies(self, _request: Request) -> Response:
        """Answer `GET /api/policies`."""
        return JSONResponse(self._tenant.policies.to_json())

    async def switches(self, _request: Request) -> Response:
        """Answer `GET /api/switches`: each with its words and their source."""
        return JSONResponse([vars(described) for described in DESCRIPTIONS])

    async def faults(self, _request: Request) -> Response:
        """Answer `GET /api/faults`."""
        return JSONResponse({"smtp": self._acts.smtp_faults.to_json()})

    async def submissions(self, _request: Request) -> Response:
        """Answer `GET /api/submissions`: what was taken over SMTP, oldest first."""
        return JSONResponse(
            [
                {
                    "user": sent.user,
                    "mail_from": sent.mail_from,
                    "recipients": list(sent.recipients),
                    **_described(sent.content),
                }
                for sent in self._tenant.submissions
            ]
        )

    async def outside(self, request: Request) -> Response:
        """Answer `GET /api/outside`: what left the tenant, perhaps for one recipient."""
        mails = self._tenant.outside.mails(request.query_params.get("recipient"))
        return JSONResponse(
            [
                {"recipient": mail.recipient, "sender": mail.sender, **_described(mail.content)}
                for mail in mails
            ]
        )

    async def messages(self, request: Request) -> Response:
        """Answer `GET /api/messages`: the messages of a mailbox's folder."""
        mailbox = request.query_params.get("mailbox", "")
        folder = request.query_params.get("folder", "INBOX")
        try:
            held = await self._tenant.mailboxes.messages(mailbox, folder)
        except KeyError:
            return JSONResponse({"error": f"There is no folder {folder!r} of {mailbox!r}"}, 404)
        return JSONResponse([_described(content) for content in held])

    async def api(self, request: Request) -> Response:
        """Carry out `POST /api/…` and answer in JSON."""
        try:
            _refuse_other_sites(request)
            values = _object(await request.body())
            return JSONResponse(await self._act(request.path_params["act"], values))
        except PanelError as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status)

    async def _act(self, name: str, values: dict[str, Any]) -> dict[str, Any]:
        act = self._acts.by_name.get(name)
        if act is None:
            raise PanelError("There is no such call", 404)
        return await act(values)

    async def form(self, request: Request) -> Response:
        """Carry out a form of the panel; a redirect leads back to it, whatever came of it."""
        act = request.path_params["act"]
        try:
            _refuse_other_sites(request)
            form = await request.form()
            opened = str(form.get("group") or act.partition("/")[0])
            await self._act(act, posted(act, form))
        except PanelError as refusal:
            if refusal.status == 403:
                return JSONResponse({"error": str(refusal)}, 403)
            said = secrets.token_urlsafe(8)
            self._refusals[said] = str(refusal)
            if len(self._refusals) > _MOST_REFUSALS:
                self._refusals.popitem(last=False)
            return RedirectResponse(f"/?refused={said}", 303)
        return RedirectResponse(f"/?done={act.partition('/')[0]}&opened={opened}", 303)

    async def page(self, request: Request) -> Response:
        """Show the panel."""
        asked = request.query_params
        done = _DONE.get(asked.get("done", ""), "")
        message = self._refusals.pop(asked.get("refused", ""), "")
        return self._view.page(done, message, asked.get("opened", ""))


def panel_routes(panel: Panel) -> list[BaseRoute]:
    """Return the routes of the panel and its API."""
    return [
        STYLESHEET,
        Route("/", panel.page),
        Route("/api/policies", panel.policies, methods=["GET"]),
        Route("/api/switches", panel.switches, methods=["GET"]),
        Route("/api/faults", panel.faults, methods=["GET"]),
        Route("/api/submissions", panel.submissions, methods=["GET"]),
        Route("/api/outside", panel.outside, methods=["GET"]),
        Route("/api/messages", panel.messages, methods=["GET"]),
        Route("/api/{act:path}", panel.api, methods=["POST"]),
        Route("/panel/{act:path}", panel.form, methods=["POST"]),
    ]


def _described(content: bytes) -> dict[str, Any]:
    return {
        "message_id": headers.value(content, "Message-ID"),
        "subject": headers.text(content, "Subject"),
        "content_base64": base64.b64encode(content).decode(),
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body or b"{}")
    except ValueError as err:
        raise PanelError("The body is no JSON") from err
    if not isinstance(values, dict):
        raise PanelError("The body is no JSON object")
    return values


def _refuse_other_sites(request: Request) -> None:
    # A page of another site must not turn the switches of the person who looks at it.
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise PanelError("This request comes from another site", 403)
