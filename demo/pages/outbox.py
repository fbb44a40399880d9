"""An account's outbox, the page of one mail with its trail, and what a person decides about it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from ...hooks import BadRequestError, Decision, DeliveryState, NoSuchMailError, Permission
from .accounts import view_of
from .mail_words import DONE, STATES, fingerprint, moving, outbox_path

if TYPE_CHECKING:
    from ...hooks import Delivery
    from ..erp.quotes import Quote
    from .visit import Visit

MAILS = "/mails"
#: Mails on one page of an outbox.
_SHOWN = 50


def mail_path(delivery_id: str, *rest: str) -> str:
    """Return the address of a mail's page, or of one below it."""
    return "/".join((MAILS, delivery_id, *rest))


def show_outbox(visit: Visit) -> Response:
    """Draw a page of an account's mails, the newest first."""
    view = view_of(visit)
    mails = _page(visit)
    return visit.page(
        "outbox",
        view=view,
        mails=mails,
        chosen=_state(visit),
        state_path=_with(visit, outbox_path(view.id) + "/state"),
        older=_older(visit, mails),
        may_decide=_may_decide(visit, view.id),
        fingerprint=fingerprint(mails),
        moving=moving(mails),
    )


def show_outbox_state(visit: Visit) -> Response:
    """Answer the script that waits for something to become of these mails."""
    return JSONResponse({"state": fingerprint(_page(visit))})


def show_mail(visit: Visit) -> Response:
    """Draw one mail with its trail, from the document to the server's words."""
    mail = _mail(visit)
    return visit.page(
        "mail",
        mail=mail,
        quote=_quote(visit, mail),
        account=_account_name(visit, mail.account_id),
        may_decide=_may_decide(visit, mail.account_id),
        fingerprint=fingerprint([mail]),
        moving=moving([mail]),
    )


def show_mail_state(visit: Visit) -> Response:
    """Answer the script that waits for something to become of the mail."""
    return JSONResponse({"state": fingerprint([_mail(visit)])})


def decide(visit: Visit) -> Response:
    """Do what a person decided. What the mail's state does not allow any more is told, not done."""
    delivery_id = visit.request.path_params["delivery_id"]
    try:
        decision = Decision(visit.request.path_params["decision"])
    except ValueError:
        raise HTTPException(404) from None
    try:
        decided: Delivery | None = visit.hook.salesorder_mail_decide(
            host=visit.host, delivery_id=delivery_id, decision=decision, worker=visit.worker
        )
        visit.notice(DONE[decision])
    except BadRequestError:
        decided = _mail(visit)
        now = STATES[decided.state].lower()
        visit.notice(f"Nothing was done: the state of this mail is “{now}” now.", tone="bad")
    if decided is None:
        raise NoSuchMailError(delivery_id)
    to_outbox = visit.form.get("back") == "outbox"
    return visit.go(outbox_path(decided.account_id) if to_outbox else mail_path(decided.id))


def _mail(visit: Visit) -> Delivery:
    delivery_id = visit.request.path_params["delivery_id"]
    mail: Delivery | None = visit.hook.salesorder_mail_delivery(
        host=visit.host, delivery_id=delivery_id, worker=visit.worker
    )
    if mail is None:
        raise NoSuchMailError(delivery_id)
    return mail


def _page(visit: Visit) -> list[Delivery]:
    return (
        visit.hook.salesorder_mail_deliveries(
            host=visit.host,
            account_id=visit.account_id,
            state=_state(visit) or None,
            document=None,
            worker=visit.worker,
            limit=_SHOWN,
            before=visit.request.query_params.get("before"),
        )
        or []
    )


def _state(visit: Visit) -> str:
    """Return the state in the page's address; empty for every state."""
    asked = visit.request.query_params.get("state", "")
    return asked if asked in set(DeliveryState) else ""


def _with(visit: Visit, path: str, **changes: str) -> str:
    """Return `path` with the choices of this page's address."""
    chosen = {"state": _state(visit), "before": visit.request.query_params.get("before", "")}
    kept = {name: value for name, value in (chosen | changes).items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def _older(visit: Visit, mails: list[Delivery]) -> str:
    """Return the address of the next page; empty if this one is the last."""
    if len(mails) < _SHOWN:
        return ""
    return _with(visit, outbox_path(visit.account_id), before=mails[-1].id)


def _quote(visit: Visit, mail: Delivery) -> Quote | None:
    kind, _, number = mail.document.partition(":")
    return visit.host.quotes.find(int(number)) if kind == "quote" and number.isdigit() else None


def _account_name(visit: Visit, account_id: str) -> str:
    """Return the account's name; empty for one that is deleted or that this worker may not see."""
    answers = visit.hook.salesorder_account_list(host=visit.host, worker=visit.worker)
    named = (view for answer in answers for view in answer if view.id == account_id)
    return next((view.values.account_name for view in named), "")


def _may_decide(visit: Visit, account_id: str) -> bool:
    return visit.host.allows(visit.worker, Permission.DECIDE, account_id)
