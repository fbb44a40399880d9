"""The routes: which address shows which page, and what stands around all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ...plugin.errors import M365Error
from ...web import routes
from . import (
    accounts,
    connection,
    folders,
    front,
    generic,
    outbox,
    quote_mail,
    quotes,
    self_test,
    sign_in,
    status,
)
from . import generic_accounts as own
from .drawing import FOLDER
from .guard import Guard
from .menus import ACCOUNTS, GENERIC, MENUS, STATUS
from .outbox import MAILS
from .quotes import QUOTES
from .refusals import refuse_http, refuse_mail
from .visit import open_page, worker_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from ...web import Routes
    from ..erp.host import DemoHost
    from .visit import Visit

ACCOUNT = ACCOUNTS + "/{account_id}"


def build_app(host: DemoHost, *, panel: str = "") -> Starlette:
    """Return the ERP's front; `panel` is the address of the simulator's panel, if one runs."""
    app = Starlette(
        routes=[
            *_front(),
            *_quotes(),
            *_generic(),
            *_accounts(),
            *_sign_in(routes(host.settings)),
        ],
        middleware=[Middleware(Guard, base_url=host.settings.base_url)],
        exception_handlers={M365Error: refuse_mail, HTTPException: refuse_http},
    )
    app.state.host = host
    app.state.panel = panel
    return app


def _get(path: str, page: Callable[[Visit], Response]) -> Route:
    return Route(path, worker_page(page), methods=["GET"])


def _post(
    path: str,
    page: Callable[[Visit], Response],
    too_old: Callable[[Visit], Response] | None = None,
) -> Route:
    return Route(path, worker_page(page, too_old), methods=["POST"])


def _front() -> list[BaseRoute]:
    return [
        Mount("/static", StaticFiles(directory=FOLDER / "static")),
        Route("/login", open_page(front.show_login), methods=["GET"]),
        Route("/login", open_page(front.do_login), methods=["POST"]),
        Route("/logout", open_page(front.log_out), methods=["POST"]),
        _get("/", front.home),
        *(_get(menu.path, front.menu) for menu in MENUS[:-1]),
    ]


def _accounts() -> list[BaseRoute]:
    return [
        _get(ACCOUNTS, accounts.show_list),
        _get(STATUS, status.show_status),
        _get(ACCOUNTS + "/new/{kind}", accounts.show_new),
        _post(ACCOUNTS + "/new/{kind}", accounts.create, accounts.create_again),
        _get(ACCOUNT, accounts.show),
        _post(ACCOUNT, accounts.change, accounts.change_again),
        _get(ACCOUNT + "/state", accounts.show_state),
        _post(ACCOUNT + "/disconnect", accounts.disconnect),
        _get(ACCOUNT + "/delete", accounts.ask_delete),
        _post(ACCOUNT + "/delete", accounts.delete),
        _post(ACCOUNT + "/test", connection.test_connection),
        _get(ACCOUNT + "/folders", folders.show_folders),
        _get(ACCOUNT + "/folders/part", folders.show_part),
        _post(ACCOUNT + "/folders", folders.save_folders),
        _post(ACCOUNT + "/test-mail", self_test.send_test_mail),
        _get(ACCOUNT + "/test-mail", self_test.show_test_mail),
        _get(ACCOUNT + "/outbox", outbox.show_outbox),
        _get(ACCOUNT + "/outbox/state", outbox.show_outbox_state),
    ]


def _quotes() -> list[BaseRoute]:
    quote, mail = QUOTES + "/{quote_id:int}", MAILS + "/{delivery_id}"
    return [
        _get(QUOTES, quotes.show_list),
        _get(quote, quotes.show),
        _get(quote + "/state", quotes.show_state),
        _get(quote + "/quote.pdf", quotes.download),
        _post(quote + "/renew", quotes.renew),
        _get(quote + "/mail", quote_mail.show_form),
        _post(quote + "/mail", quote_mail.act, quote_mail.show_again),
        _get(mail, outbox.show_mail),
        _get(mail + "/state", outbox.show_mail_state),
        _post(mail + "/{decision}", outbox.decide),
    ]


def _generic() -> list[BaseRoute]:
    return [
        _get(GENERIC, generic.show_generic),
        _get(GENERIC + "/print", generic.print_generic),
        _get(GENERIC + "/list.csv", generic.download_generic),
        _post(GENERIC + "/make", generic.make_new),
        _post(GENERIC + "/replace", generic.replace_generic),
        _post(GENERIC + "/ask-delete", generic.ask_delete_generic),
        _post(GENERIC + "/delete", generic.delete_generic),
        _post(GENERIC + "/ask-restore", generic.ask_restore_generic),
        _post(GENERIC + "/restore", generic.restore_generic),
        _get(GENERIC + "/{generic_id}/edit", own.show_edit),
        _post(GENERIC + "/{generic_id}/edit", own.edit),
        _get(GENERIC + "/{generic_id}/delete", own.ask_delete),
        _post(GENERIC + "/{generic_id}/delete", own.delete),
    ]


def _sign_in(at: Routes) -> list[BaseRoute]:
    mail_routes = sign_in.mail_routes()
    return [
        _post(ACCOUNT + "/login", sign_in.begin_login),
        _post(ACCOUNT + "/consent", sign_in.begin_consent),
        Route(at.login, mail_routes),
        Route(at.callback, mail_routes),
        _get(sign_in.OUTCOME, sign_in.show_outcome),
        Route(sign_in.RETURNED, open_page(sign_in.show_returned), methods=["GET"]),
    ]
