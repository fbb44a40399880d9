"""The pages of these routes: refusals with their findings, and outcomes where the host has none."""

from __future__ import annotations

from http import HTTPStatus
from math import ceil
from typing import TYPE_CHECKING

from ..plugin.errors import (
    BadRequestError,
    M365Error,
    MailError,
    NoSuchAccountError,
    NotAllowedError,
    RegistrationError,
    SignInNeededError,
    StoreError,
    TicketError,
    UnavailableError,
)
from .answers import html
from .drawing import POLICY, document, explained, facts, paragraph, way_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..schemas.signin import LoginOutcome
    from .answers import Answer

#: As the table of docs/host.md has it; every other error of the plugin is a 500.
STATUSES: dict[type[M365Error], HTTPStatus] = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    NotAllowedError: HTTPStatus.FORBIDDEN,
    TicketError: HTTPStatus.FORBIDDEN,
    NoSuchAccountError: HTTPStatus.NOT_FOUND,
    SignInNeededError: HTTPStatus.CONFLICT,
    RegistrationError: HTTPStatus.BAD_GATEWAY,
    MailError: HTTPStatus.BAD_GATEWAY,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}
_NEUTRAL = """\
If you are the administrator who was asked to agree, you are done: what you answered counts at \
Microsoft. Tell the person who sent you the link, and close this window.
If you were signing in for a mail account of the ERP, that sign-in is not waiting in this browser. \
Open the account in the ERP and click Login again.
"""


def outcome(ended: LoginOutcome | None) -> Answer:
    """Show how a sign-in ended; None is a return that no sign-in of this browser waits for."""
    if ended is None:
        return _page(
            HTTPStatus.OK, "You are back from Microsoft", map(paragraph, _NEUTRAL.splitlines())
        )
    title = ended.finding.title if ended.finding else "Signed in with Microsoft"
    people = {"Expected": ended.expected, "Signed in as": ended.signed_in_as}
    blocks = [
        paragraph(ended.message) if ended.message != title else "",
        facts(people if ended.finding else {}),
        *(explained(ended.finding) if ended.finding else []),
        way_on(ended.next_url, "Back to the ERP"),
    ]
    return _page(HTTPStatus.OK, title, blocks)


def refusal(err: M365Error) -> Answer:
    """Show an error of the plugin with its finding."""
    known = (STATUSES[kind] for kind in type(err).__mro__ if kind in STATUSES)
    status = next(known, HTTPStatus.INTERNAL_SERVER_ERROR)
    wait = err.retry_after if isinstance(err, UnavailableError | RegistrationError) else 0
    extra = {"Retry-After": str(ceil(wait))} if wait else {}
    finding = err.finding
    return _page(status, finding.title, explained(finding), extra)


def broken(error_id: str) -> Answer:
    """Show that something failed that nobody expected; the log has the rest under `error_id`."""
    blocks = (
        paragraph("The ERP could not answer because of a fault of its own. You did not cause it."),
        paragraph("Tell the ERP administrator this number; the log has the details under it:"),
        f"<code>{error_id}</code>",
    )
    return _page(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong in the ERP", blocks)


def not_found() -> Answer:
    """Show that there is no such address."""
    text = "Open the mail account in the ERP and click Login there."
    return _page(HTTPStatus.NOT_FOUND, "There is no such page", [paragraph(text)])


def not_allowed() -> Answer:
    """Refuse another method than GET."""
    text = "This address is opened by a browser, and takes nothing that is sent to it."
    title = "This cannot be sent here"
    return _page(HTTPStatus.METHOD_NOT_ALLOWED, title, [paragraph(text)], {"Allow": "GET"})


def _page(
    status: HTTPStatus, title: str, blocks: Iterable[str], extra: Mapping[str, str] | None = None
) -> Answer:
    return html(status, document(title, filter(None, blocks)), POLICY, extra or {})
