"""Send by e-mail: the form, the preview, and the click that sends one mail, however often."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from ...hooks import (
    DeliveryState,
    FormErrors,
    NoSuchAccountError,
    NotAllowedError,
    Permission,
    StoreError,
    UnavailableError,
)
from ..erp.handing_over import FINAL, hand_over, message_of
from ..erp.quote_mails import QuoteMail
from ..erp.quote_pdf import quote_pdf
from .mail_words import STATES
from .outbox import mail_path
from .quotes import quote_of, quote_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from ...hooks import AccountView, Delivery, MailPreview
    from ..erp.quotes import Quote
    from .visit import Visit

    Errors = Mapping[str, tuple[str, ...]]

#: Seconds that a click waits for the mail server; the rest is left to the scheduler.
WAIT = 5.0
#: The fields of the form. What is wrong with anything else is said above it.
FIELDS = {"account": "Send from", "to": "To", "subject": "Subject", "text": "Text"}
_KEPT = (*FIELDS, "attach", "previewed", "version", "token")
#: What a form's own token looks like.
_TOKEN = re.compile("[A-Za-z0-9_-]{16,40}")
_CHANGED = "The quote has changed: this is version {} now. Look at it, then press again."
_SENT_ALREADY = (
    "From this form another mail was sent a moment ago; the quote's page shows it. Press Send to"
    " send this one as well."
)


def show_form(visit: Visit) -> Response:
    """Draw the form, or what was typed in it when the session ended."""
    quote = quote_of(visit)
    typed = visit.typed()
    values = _begun(quote) | dict(typed) if typed else _begun(quote)
    return _draw(visit, quote, values, stale=bool(typed))


def show_again(visit: Visit) -> Response:
    """Draw the form of a page that was too old, with what was typed in it."""
    return _draw(visit, quote_of(visit), _values(visit), 403, stale=True)


def act(visit: Visit) -> Response:
    """Do what the pressed button says: preview, send, or change what was previewed."""
    quote, values = quote_of(visit), _values(visit)
    if not _TOKEN.fullmatch(values["token"]):
        raise HTTPException(400, "This form has no usable token. Load it again.")
    if values["version"] != str(quote.version):
        fresh = values | {"version": str(quote.version), "token": _token(), "previewed": ""}
        return _draw(
            visit, quote, fresh, 409, errors={"version": (_CHANGED.format(quote.version),)}
        )
    button = visit.form.get("act", "preview")
    if button == "change":
        return _draw(visit, quote, values | {"previewed": ""})
    if values["account"] not in {view.id for view in _accounts(visit)}:
        return _draw(visit, quote, values, 422, errors={"account": ("Choose an account.",)})
    mail = _meant(visit, quote, values)
    return _send(visit, quote, mail, values) if button == "send" else _preview(visit, mail, values)


def _preview(visit: Visit, mail: QuoteMail, values: Mapping[str, str]) -> Response:
    shown: MailPreview | FormErrors | None = visit.hook.salesorder_mail_preview(
        host=visit.host, account_id=mail.account, message=message_of(mail), worker=visit.worker
    )
    if shown is None:
        raise NoSuchAccountError(mail.account)
    quote = quote_of(visit)
    if isinstance(shown, FormErrors):
        return _draw(visit, quote, values, 422, errors=shown.errors)
    return visit.page(
        "quote_preview",
        quote=quote,
        preview=shown,
        values={**values, "previewed": shown.digest},
        text=mail.text,
    )


def _send(visit: Visit, quote: Quote, mail: QuoteMail, values: Mapping[str, str]) -> Response:
    meant = visit.host.quote_mails.intend(mail)
    if not meant.says_the_same(mail):
        fresh = {**values, "token": _token(), "previewed": ""}
        return _draw(visit, quote, fresh, 409, errors={"version": (_SENT_ALREADY,)})
    try:
        answer = hand_over(visit.host, meant, WAIT)
    except FINAL:
        visit.host.quote_mails.forget(mail.request_id)
        raise
    except (StoreError, UnavailableError):
        visit.notice("The mail is stored here, and is queued as soon as that is possible.")
        return visit.go(quote_path(quote.id))
    if isinstance(answer, FormErrors):
        visit.host.quote_mails.forget(mail.request_id)
        return _draw(visit, quote, {**values, "previewed": ""}, 422, errors=answer.errors)
    _tell(visit, answer)
    return visit.go(mail_path(answer.id))


def _tell(visit: Visit, delivery: Delivery) -> None:
    tone = "bad" if delivery.state in (DeliveryState.FAILED, DeliveryState.UNCERTAIN) else "good"
    queued = delivery.state is DeliveryState.QUEUED
    said = "Queued. This page shows by itself when it has left." if queued else ""
    visit.notice(said or f"{STATES[delivery.state]}.", tone)


def _meant(visit: Visit, quote: Quote, values: Mapping[str, str]) -> QuoteMail:
    return QuoteMail(
        request_id=f"quote-{quote.id}-{quote.version}-{values['token']}",
        quote=quote.id,
        version=quote.version,
        account=values["account"],
        recipients=values["to"],
        subject=values["subject"],
        text=values["text"],
        file_name=f"{quote.number}.pdf",
        file=quote_pdf(quote) if values["attach"] else b"",
        previewed=values["previewed"],
        worker=visit.worker,
        at=visit.host.now().timestamp(),
    )


def _values(visit: Visit) -> dict[str, str]:
    return {name: visit.form.get(name, "") for name in _KEPT}


def _begun(quote: Quote) -> dict[str, str]:
    return {
        "account": "",
        "to": quote.address,
        "subject": f"Quote {quote.number}: {quote.title}",
        "text": f"Dear customer,\n\nour quote {quote.number} is attached. It is valid until"
        f" {quote.valid_until.isoformat()}.\n\nKind regards",
        "attach": "on",
        "previewed": "",
        "version": str(quote.version),
        "token": _token(),
    }


def _token() -> str:
    return secrets.token_urlsafe(16)


def _accounts(visit: Visit) -> list[AccountView]:
    """Return the accounts that this worker may send through."""
    if not visit.host.allows(visit.worker, Permission.SEND, None):
        raise NotAllowedError(visit.worker, Permission.SEND, None)
    answers = visit.hook.salesorder_account_list(host=visit.host, worker=visit.worker)
    return [view for answer in answers for view in answer]


def _draw(
    visit: Visit,
    quote: Quote,
    values: Mapping[str, str],
    status: int = 200,
    *,
    errors: Errors | None = None,
    stale: bool = False,
) -> Response:
    wrong = errors or {}
    return visit.page(
        "quote_mail",
        status,
        quote=quote,
        accounts=_accounts(visit),
        values=values,
        labels=FIELDS,
        errors=wrong,
        others=[text for name, texts in wrong.items() if name not in FIELDS for text in texts],
        stale=stale,
    )
