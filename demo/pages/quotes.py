"""Quotes: the list, and a quote's page with the mails that were sent with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from ...hooks import Permission
from ..erp.quote_pdf import quote_pdf
from .mail_words import fingerprint, moving

if TYPE_CHECKING:
    from ...hooks import Delivery
    from ..erp.quotes import Quote
    from .visit import Visit

QUOTES = "/quotes"
#: Mails of one quote that its page shows.
_SHOWN = 50


def quote_path(quote_id: int, *rest: str) -> str:
    """Return the address of a quote's page, or of one below it."""
    return "/".join((QUOTES, str(quote_id), *rest))


def quote_of(visit: Visit) -> Quote:
    """Return the quote in the page's address."""
    quote = visit.host.quotes.find(visit.request.path_params["quote_id"])
    if quote is None:
        raise HTTPException(404)
    return quote


def show_list(visit: Visit) -> Response:
    """Draw the list of quotes."""
    return visit.page("quotes", quotes=visit.host.quotes.list())


def show(visit: Visit) -> Response:
    """Draw a quote with its mails."""
    quote = quote_of(visit)
    mails = _mails(visit, quote)
    return visit.page(
        "quote",
        quote=quote,
        mails=mails,
        not_queued=visit.host.quote_mails.without_delivery(quote.id),
        may_send=may_send(visit),
        may_decide=visit.host.allows(visit.worker, Permission.DECIDE, None),
        fingerprint=fingerprint(mails),
        moving=moving(mails),
    )


def show_state(visit: Visit) -> Response:
    """Answer the script that waits for something to become of the quote's mails."""
    return JSONResponse({"state": fingerprint(_mails(visit, quote_of(visit)))})


def download(visit: Visit) -> Response:
    """Give the quote as a PDF."""
    quote = quote_of(visit)
    named = {"Content-Disposition": f'attachment; filename="{quote.number}.pdf"'}
    return Response(quote_pdf(quote), media_type="application/pdf", headers=named)


def renew(visit: Visit) -> Response:
    """Make the quote's next version; pressed twice on one page, it makes one."""
    quote = quote_of(visit)
    seen = visit.form.get("version", "")
    if seen == str(quote.version) and visit.host.quotes.renew(quote):
        visit.notice(f"Version {quote.version + 1} is made. It has not been sent yet.")
    else:
        visit.notice("Nothing was done: the quote has a newer version, shown below.", tone="bad")
    return visit.go(quote_path(quote.id))


def may_send(visit: Visit) -> bool:
    """Return whether this worker may send mail at all."""
    return visit.host.allows(visit.worker, Permission.SEND, None)


def _mails(visit: Visit, quote: Quote) -> list[Delivery]:
    if not may_send(visit):
        return []
    return (
        visit.hook.salesorder_mail_deliveries(
            host=visit.host,
            account_id=None,
            state=None,
            document=quote.document,
            worker=visit.worker,
            limit=_SHOWN,
            before=None,
        )
        or []
    )
