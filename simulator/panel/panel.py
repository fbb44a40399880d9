"""The policy panel for a person, and the same switches as JSON."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from ..pages import FOLDER, page
from ..tenant.policies import DESCRIPTIONS, GROUPS, Description
from ..tenant.tenant import Tenant


async def _stylesheet(request: Request) -> Response:  # noqa: ARG001 - an endpoint's shape
    return FileResponse(FOLDER / "static" / "simulator.css", media_type="text/css")


STYLESHEET = Route("/static/simulator.css", _stylesheet)


class PanelError(Exception):
    """A request that the panel does not carry out; the text is for the caller."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


_DONE = {
    "policies": "The policies are saved and in force.",
    "reset": "Everything is back to the beginning.",
    "revoke": "The grants are revoked.",
    "withdraw": "The consent is withdrawn.",
    "folders": "The folder is changed.",
}


class Panel:
    """What the panel and the API do to a tenant.

    `addresses` are what the page shows a person who connects a client, by their labels; `reset`
    puts the whole simulator back to the beginning.
    """

    def __init__(
        self,
        tenant: Tenant,
        addresses: Mapping[str, str],
        reset: Callable[[], Awaitable[None]],
    ) -> None:
        self._tenant = tenant
        self._addresses = addresses
        self._reset_all = reset
        self._acts = {
            "policies": self._policies,
            "reset": self._reset,
            "revoke": self._revoke,
            "withdraw": self._withdraw,
            "folders/create": self._create,
            "folders/rename": self._rename,
            "folders/delete": self._delete,
        }

    async def read(self, request: Request) -> Response:  # noqa: ARG002 - an endpoint's shape
        """Answer `GET /api/policies`."""
        return JSONResponse(self._tenant.policies.to_json())

    async def api(self, request: Request) -> Response:
        """Carry out `POST /api/…` and answer in JSON."""
        try:
            _refuse_other_sites(request)
            values = json.loads(await request.body() or b"{}")
            return JSONResponse(await self._acts[request.path_params["act"]](values))
        except json.JSONDecodeError:
            return JSONResponse({"error": "The body is no JSON"}, 400)
        except PanelError as refusal:
            return JSONResponse({"error": str(refusal)}, refusal.status)
        except KeyError:
            return JSONResponse({"error": "There is no such call"}, 404)

    async def form(self, request: Request) -> Response:
        """Carry out a form of the panel and show the panel again."""
        act = request.path_params["act"]
        try:
            _refuse_other_sites(request)
            form = await request.form()
            values = _posted_policies(form) if act == "policies" else dict(form)
            await self._acts[act](values)
        except PanelError as refusal:
            return self._page(message=str(refusal), status=refusal.status)
        except KeyError:
            return self._page(message="There is no such form", status=404)
        return RedirectResponse(f"/?done={act.partition('/')[0]}", 303)

    async def page(self, request: Request) -> Response:
        """Show the panel."""
        return self._page(_DONE.get(request.query_params.get("done", ""), ""))

    def _page(self, done: str = "", message: str = "", status: int = 200) -> Response:
        people = list(self._tenant.people.values())
        return page(
            "panel",
            status,
            done=done,
            message=message,
            policies=self._tenant.policies.to_json(),
            groups=GROUPS,
            descriptions=DESCRIPTIONS,
            people=people,
            addresses=self._addresses,
        )

    async def _policies(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            self._tenant.policies.change(values)
        except ValueError as err:
            raise PanelError(str(err)) from err
        return self._tenant.policies.to_json()

    async def _reset(self, values: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - an act's
        await self._reset_all()
        return {"reset": True}

    async def _revoke(self, values: dict[str, Any]) -> dict[str, Any]:
        user = self._address(values, "user")
        self._tenant.revoke_grants(user)
        return {"revoked": user}

    async def _withdraw(self, values: dict[str, Any]) -> dict[str, Any]:
        user = self._address(values, "user") if values.get("user") else None
        self._tenant.withdraw_consent(user)
        return {"withdrawn": user}

    async def _create(self, values: dict[str, Any]) -> dict[str, Any]:
        mailbox, path = self._address(values, "mailbox"), _text(values, "path")
        return await self._folders(mailbox, self._tenant.mailboxes.create_folder(mailbox, path))

    async def _delete(self, values: dict[str, Any]) -> dict[str, Any]:
        mailbox, path = self._address(values, "mailbox"), _text(values, "path")
        return await self._folders(mailbox, self._tenant.mailboxes.delete_folder(mailbox, path))

    async def _rename(self, values: dict[str, Any]) -> dict[str, Any]:
        mailbox, path = self._address(values, "mailbox"), _text(values, "path")
        rename = self._tenant.mailboxes.rename_folder(mailbox, path, _text(values, "new"))
        return await self._folders(mailbox, rename)

    async def _folders(self, mailbox: str, change: Awaitable[None]) -> dict[str, Any]:
        try:
            await change
        except KeyError as err:
            raise PanelError(f"There is no folder {err.args[0]!r} to change in {mailbox}") from err
        except ValueError as err:
            raise PanelError(f"The folder {err.args[0]!r} exists already in {mailbox}") from err
        return {"folders": await self._tenant.mailboxes.folders(mailbox)}

    def _address(self, values: dict[str, Any], name: str) -> str:
        person = self._tenant.person(_text(values, name))
        if person is None:
            raise PanelError(f"{values[name]!r} is no mailbox of the tenant")
        return person.address


def panel_routes(panel: Panel) -> list[BaseRoute]:
    """Return the routes of the panel and its API."""
    return [
        STYLESHEET,
        Route("/", panel.page),
        Route("/api/policies", panel.read, methods=["GET"]),
        Route("/api/{act:path}", panel.api, methods=["POST"]),
        Route("/panel/{act:path}", panel.form, methods=["POST"]),
    ]


def _refuse_other_sites(request: Request) -> None:
    # A page of another site must not turn the switches of whoever looks at it.
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise PanelError("This request comes from another site", 403)


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip():
        raise PanelError(f"{name!r} is missing")
    return value.strip()


def _posted_policies(form: FormData) -> dict[str, Any]:
    group = form.get("group")
    return {
        described.name: _posted(form, described)
        for described in DESCRIPTIONS
        if described.group == group
    }


def _posted(form: FormData, described: Description) -> Any:
    if described.widget == "mailboxes":
        return [str(address) for address in form.getlist(described.name)]
    if described.widget == "switch":
        return described.name in form
    if described.widget == "addresses":
        return str(form.get(described.name, "")).replace(",", " ").split()
    text = str(form.get(described.name, "")).strip()
    if described.widget == "number" and text.isascii() and text.isdigit():
        return int(text)
    return text or None
