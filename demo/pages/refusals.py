"""Errors as pages: what the hooks raise, and what the host itself refuses, each with a remedy."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from ...plugin.errors import (
    BadRequestError,
    M365Error,
    MailError,
    NoSuchAccountError,
    NoSuchMailError,
    NotAllowedError,
    RegistrationError,
    SettingsError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from ..erp.workers import ADMINISTRATOR
from .drawing import draw
from .menus import ACCOUNTS, account_path
from .visit import find_session

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How one kind of error is shown; `to_account` links to the account's page."""

    status: int
    title: str
    remedy: str
    to_account: bool = False


_REFUSALS: dict[type[M365Error], Refusal] = {
    NotAllowedError: Refusal(
        status=403,
        title="You may not do this",
        remedy=f"Ask the ERP's {ADMINISTRATOR} for the permission, or to do it for you.",
    ),
    NoSuchAccountError: Refusal(
        status=404,
        title="There is no such mail account",
        remedy="It may have been deleted. Look for it in the list of mail accounts.",
    ),
    NoSuchMailError: Refusal(
        status=404,
        title="There is no such mail",
        remedy="Look for it in the account's outbox, or on the page of its document.",
    ),
    SignInNeededError: Refusal(
        status=409,
        title="Sign in to Microsoft first",
        remedy="Open the account and press Login.",
        to_account=True,
    ),
    UnavailableError: Refusal(
        status=503,
        title="Microsoft cannot be reached now",
        remedy="Nothing was changed. Try again in a moment.",
        to_account=True,
    ),
    MailError: Refusal(
        status=502,
        title="The mail server refused",
        remedy="Open the account and press Test Connection: the report names cause and remedy.",
        to_account=True,
    ),
    RegistrationError: Refusal(
        status=502,
        title="The ERP itself is not let in",
        remedy=f"No account is at fault. Tell the ERP's {ADMINISTRATOR}: the app registration in"
        " Microsoft Entra needs a new secret or certificate.",
        to_account=True,
    ),
    BadRequestError: Refusal(
        status=400, title="This cannot be done", remedy="Go back, load the page again and repeat."
    ),
    SettingsError: Refusal(
        status=500,
        title="The settings are wrong",
        remedy=f"Tell the ERP's {ADMINISTRATOR} what stands above.",
    ),
    StoreError: Refusal(
        status=500,
        title="The database cannot be used now",
        remedy=f"Nothing was changed. Tell the ERP's {ADMINISTRATOR} what stands above.",
    ),
}
_OTHER = Refusal(
    status=500,
    title="This did not work",
    remedy=f"Tell the ERP's {ADMINISTRATOR} what stands above.",
)
_HTTP = {
    403: Refusal(status=403, title="This was not done", remedy=""),
    404: Refusal(
        status=404,
        title="There is no such page",
        remedy="Check the address, or begin again at Home.",
    ),
    405: Refusal(status=405, title="This page takes no such request", remedy=""),
}


async def refuse_mail(request: Request, error: Exception) -> Response:
    """Answer with the page for an error of a hook."""
    kinds = (kind for kind in type(error).__mro__ if kind in _REFUSALS)
    refusal = _REFUSALS[found] if (found := next(kinds, None)) else _OTHER
    words = error.server_words if isinstance(error, MailError) else ""
    wait = error.retry_after or 0 if isinstance(error, UnavailableError | MailError) else 0
    seconds = ceil(wait)
    text = str(error)
    if isinstance(error, M365Error):
        text = f"{error.finding.title}. {error.finding.what}"
    response = await _page(request, refusal, text, words=words, seconds=seconds)
    if seconds:
        response.headers["Retry-After"] = str(seconds)
    return response


async def refuse_http(request: Request, error: Exception) -> Response:
    """Answer with the page for a refusal of the host's own."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    refusal = _HTTP.get(status, Refusal(status=status, title="This was not done", remedy=""))
    text = error.detail if isinstance(error, HTTPException) and not refusal.remedy else ""
    return await _page(request, refusal, text)


async def _page(
    request: Request, refusal: Refusal, text: str, *, words: str = "", seconds: int = 0
) -> Response:
    session = await run_in_threadpool(find_session, request)
    account_id = request.path_params.get("account_id")
    below = request.url.path.startswith(ACCOUNTS) and refusal.status != 403
    link = (ACCOUNTS, "Mail Accounts") if below else ("/", "Home")
    if refusal.to_account and account_id:
        link = (account_path(account_id), "Open the account")
    return draw(
        "error",
        refusal.status,
        session=session,
        notice=None,
        refusal=refusal,
        text=text,
        words=words,
        seconds=seconds,
        link=link,
    )
