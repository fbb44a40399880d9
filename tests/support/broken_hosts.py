"""The reference host with one defect each: the conformance suite must find every one by name.

``--salesorder-host support.broken_hosts:any_browser``; DEFECTS says which test finds which. Each
runs in a process of its own, so a defect may lie in a module as well.
"""

import json
import logging
import re
import secrets
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

from salesorder_m365.demo.erp.host import DemoHost
from salesorder_m365.demo.pages import drawing, sign_in, visit
from salesorder_m365.demo.pages.app import ACCOUNT
from salesorder_m365.demo.testing import ReferenceHost
from salesorder_m365.hooks import create_manager, hookimpl
from salesorder_m365.plugin.errors import M365Error, TicketError
from salesorder_m365.schemas.settings import Settings
from salesorder_m365.schemas.signin import LoginCode
from salesorder_m365.web import app as web
from salesorder_m365.web import routes
from salesorder_m365.web.browser import COOKIE
from starlette.responses import PlainTextResponse
from starlette.routing import Route

#: What makes a broken host → the one test that it fails.
DEFECTS = {
    "everybody_may": "test_a_worker_without_permission_is_refused",
    "pages_act_as_admin": "test_a_worker_without_permission_is_refused",
    "any_browser": "test_a_callback_from_another_browser_is_refused",
    "new_request_each_time": "test_a_retried_save_makes_one_account",
    "save_makes_names_free": "test_a_retried_save_makes_one_account",
    "one_database": "test_databases_share_nothing",
    "one_host_for_all_pages": "test_databases_share_nothing",
    "host_header_trusted": "test_the_host_header_is_not_trusted",
    "strict_events": "test_an_event_handler_never_raises",
    "put_back_without_users": "test_no_generic_account_is_lost",
    "deleted_unseen": "test_no_generic_account_is_lost",
    "no_csrf_token": "test_another_site_can_do_nothing",
    "login_by_get": "test_an_address_does_nothing",
    "cookie_for_scripts": "test_the_browsers_cookie_is_hidden_from_scripts",
    "cookie_without_same_site": "test_the_browsers_cookie_is_lax",
    "cookie_for_every_page": "test_the_browsers_cookie_goes_to_the_callback_alone",
    "callback_cached": "test_the_callback_is_kept_in_no_cache",
    "callback_as_referrer": "test_the_callback_is_passed_on_to_nobody",
    "callback_logged": "test_the_callback_is_in_no_log",
    "redirect_without_headers": "test_the_redirect_is_passed_on_whole",
    "redirect_as_found": "test_the_redirect_is_passed_on_whole",
    "one_value_per_login": "test_two_tabs_sign_in_at_once",
    "callback_taken_once": "test_a_callback_that_comes_twice_ends_the_same",
    "copies_by_dict": "test_a_mapping_of_many_values_is_taken",
    "nothing_escaped": "test_what_people_wrote_is_escaped",
    "errors_as_faults": "test_a_refusal_is_no_fault",
    "outcome_unsaid": "test_an_outcome_is_explained",
    "edits_a_copy": "test_an_account_is_edited",
    "never_tested": "test_the_connection_is_tested",
    "maps_nothing": "test_folders_are_mapped",
    "stays_connected": "test_disconnect_forgets_the_sign_in",
    "keeps_the_deleted": "test_delete_deletes_one_account",
    "ticket_answered_again": "test_a_ticket_opens_once",
    "ticket_renewed": "test_a_late_ticket_opens_nothing",
    "ticket_in_any_session": "test_a_ticket_opens_in_no_other_workers_session",
    "ticket_without_a_session": "test_a_ticket_opens_nothing_without_a_session",
    "browser_remembered": "test_a_sign_in_that_is_passed_on_connects_nobody",
    "callback_for_sessions_alone": "test_a_session_cookie_may_stay_behind_at_microsoft",
}


class Careless:
    """The host, but its pages pass some arguments to the hooks changed, or to the one in `only`."""

    def __init__(self, host, /, only="", **changes):
        self._host = host
        self._only = only
        self._changes = changes
        self.plugins = SimpleNamespace(hook=self)

    def __getattr__(self, name):
        if not name.startswith("salesorder_"):
            return getattr(self._host, name)
        hook = getattr(self._host.plugins.hook, name)

        def call(**values):
            meant = name.endswith(self._only)
            for argument in values.keys() & self._changes if meant else ():
                values[argument] = self._changes[argument](values)
            return hook(**values)

        return call


def careless(place, **changes):
    under = ReferenceHost(place)
    under.app.state.host = Careless(under.host, **changes)
    return under


class Idle(Careless):
    """The host, but its pages do not call one hook and go on as if it had answered `answer`."""

    def __getattr__(self, name):
        if name == self._changes["hook"]:
            return lambda **values: self._changes["answer"]
        return super().__getattr__(name)


def idle(place, hook, answer):
    under = ReferenceHost(place)
    under.app.state.host = Idle(under.host, hook=hook, answer=answer)
    return under


def answering(under, change):
    """Let `change` have every answer: it takes scope, status and headers, and returns the two."""
    inner = under.app

    async def app(scope, receive, send):
        async def changed(message):
            if message["type"] == "http.response.start":
                status, headers = change(scope, message["status"], message["headers"])
                message = message | {"status": status, "headers": list(headers)}
            await send(message)

        await inner(scope, receive, changed)

    under.app = app
    return under


# No permission check ---------------------------------------------------------------------------


class Permissive(DemoHost):
    def allows(self, worker, permission, account_id):
        return True


def everybody_may(place):
    under = ReferenceHost(place)
    under.host.__class__ = Permissive
    return under


def pages_act_as_admin(place):
    # At the address of a ticket the worker is the session's.
    return careless(
        place, worker=lambda values: values["worker"] if "ticket" in values else "admin"
    )


# A callback from another browser is accepted ---------------------------------------------------


def any_browser(place):
    def constant(values):
        known = values["worker"] or values["browser"]
        return "one-value-for-every-browser" if known else ""

    return careless(place, browser=constant)


# A retried save creates twice ------------------------------------------------------------------


def new_request_each_time(place):
    return careless(place, request_id=lambda values: secrets.token_hex(8))


def save_makes_names_free(place):
    def numbered(values):
        return values["values"] | {"account_name": f"Account {secrets.token_hex(4)}"}

    return careless(place, request_id=lambda values: secrets.token_hex(8), values=numbered)


# Databases share state -------------------------------------------------------------------------

FIRST = []


def one_database(place):
    FIRST.append(place.settings)
    shared = replace(FIRST[0], base_url=place.settings.base_url)
    under = ReferenceHost(place)
    under.host.settings = shared
    return under


def one_host_for_all_pages(place):
    under = ReferenceHost(place)
    FIRST.append(under)
    under.app.state.host = Careless(under.host, host=lambda values: FIRST[0].host)
    return under


# The Host header is trusted --------------------------------------------------------------------

ASKED = ContextVar("asked", default="")


class Trusting(DemoHost):
    """Makes its address of the request, as frameworks' absolute URLs often are."""

    @property
    def settings(self):
        asked = ASKED.get()
        return replace(self.kept, base_url=f"http://{asked}") if asked else self.kept

    @settings.setter
    def settings(self, kept):
        self.kept = kept


def host_header_trusted(place):
    under = ReferenceHost(place)
    under.host.kept = under.host.__dict__.pop("settings")
    under.host.__class__ = Trusting
    guarded, netloc = under.app, place.settings.base_url.partition("//")[2]

    async def app(scope, receive, send):
        if scope["type"] == "http":
            headers = dict(scope["headers"])
            ASKED.set(headers[b"host"].decode())
            headers[b"host"] = netloc.encode()
            scope = scope | {"headers": list(headers.items())}
        await guarded(scope, receive, send)

    under.app = app
    return under


# An event handler raises -----------------------------------------------------------------------


class Strict:
    @hookimpl
    def salesorder_event(self, event):
        if event.name == "an_event_of_a_later_version":
            raise KeyError(event.name)


def strict_events(place):
    under = ReferenceHost(place)
    under.host.plugins = create_manager()
    under.host.plugins.register(under.host.activity)
    under.host.plugins.register(Strict())
    return under


# A Generic account is lost ---------------------------------------------------------------------


class Forgetful(DemoHost):
    """Puts an account back, but not what sent and read through it."""

    def put_back_generic(self, generic_id, settings):
        bare = json.loads(settings) | {"used_by": []}
        super().put_back_generic(generic_id, json.dumps(bare))


def put_back_without_users(place):
    under = ReferenceHost(place)
    under.host.__class__ = Forgetful
    return under


class Hasty(DemoHost):
    """Deletes an account whatever has become of it since it was copied."""

    def delete_generic(self, generic_id, settings, successor):
        seen = self.export_generic(generic_id)
        return super().delete_generic(generic_id, seen or settings, successor)


def deleted_unseen(place):
    under = ReferenceHost(place)
    under.host.__class__ = Hasty
    return under


# Requests of other sites -----------------------------------------------------------------------


def no_csrf_token(place):
    visit._has_token = lambda form, session: True
    return ReferenceHost(place)


def login_by_get(place):
    under = ReferenceHost(place)
    begin = visit.worker_page(sign_in.begin_login)
    under.app.routes.insert(0, Route(f"{ACCOUNT}/login", begin, methods=["GET"]))
    inner = under.app

    async def app(scope, receive, send):
        async def linked(message):
            if message["type"] == "http.response.body":
                # As long as before: the Content-Length has been sent.
                form = rb'method="post"( action="[^"]+/login")'
                body = re.sub(form, rb'method="get" \1', message["body"])
                message = message | {"body": body}
            await send(message)

        await inner(scope, receive, linked)

    under.app = app
    return under


# The browser's cookie --------------------------------------------------------------------------


def cookie_changed(place, old, new):
    def change(scope, status, headers):
        ours = COOKIE.encode()
        return status, [
            (name, value.replace(old, new) if value.startswith(ours) else value)
            for name, value in headers
        ]

    return answering(ReferenceHost(place), change)


def cookie_for_scripts(place):
    return cookie_changed(place, b"; HttpOnly", b"")


def cookie_without_same_site(place):
    return cookie_changed(place, b"; SameSite=Lax", b"")


def cookie_for_every_page(place):
    path = routes(place.settings).folder.encode()
    return cookie_changed(place, b"Path=" + path, b"Path=/")


def one_value_per_login(place):
    web.browser_to_know = lambda request: secrets.token_urlsafe(32)
    return ReferenceHost(place)


# The callback and the way to it ----------------------------------------------------------------


def without_headers(place, meant, *dropped):
    def change(scope, status, headers):
        kept = [(name, value) for name, value in headers if name not in dropped]
        return status, kept if meant(scope, dict(headers)) else headers

    return answering(ReferenceHost(place), change)


def is_callback(scope, headers):
    return scope["path"] == CALLBACK


def to_microsoft(scope, headers):
    return b"/authorize" in headers.get(b"location", b"")


CALLBACK = Settings.__dataclass_fields__["callback_path"].default


def callback_cached(place):
    return without_headers(place, is_callback, b"cache-control")


def callback_as_referrer(place):
    return without_headers(place, is_callback, b"referrer-policy")


def redirect_without_headers(place):
    ours = (b"cache-control", b"referrer-policy", b"x-salesorder-conformance")
    return without_headers(place, to_microsoft, *ours)


def redirect_as_found(place):
    def change(scope, status, headers):
        return 302 if to_microsoft(scope, dict(headers)) else status, headers

    return answering(ReferenceHost(place), change)


def callback_logged(place):
    def change(scope, status, headers):
        logging.getLogger("erp").info("%s?%s", scope["path"], scope["query_string"].decode())
        return status, headers

    return answering(ReferenceHost(place), change)


def callback_taken_once(place):
    under, seen = ReferenceHost(place), set()
    inner = under.app

    async def app(scope, receive, send):
        if scope["type"] == "http" and is_callback(scope, {}):
            again = scope["query_string"] in seen
            seen.add(scope["query_string"])
            scope = scope | {"query_string": b"" if again else scope["query_string"]}
        await inner(scope, receive, send)

    under.app = app
    return under


class Copying:
    """A plugin manager of the host's own, and its hooks: it copies the query on the way to ours."""

    def __init__(self, plugins):
        self._plugins = plugins

    @property
    def hook(self):
        return self

    def __getattr__(self, name):
        return getattr(self._plugins, name, None) or getattr(self._plugins.hook, name)

    def salesorder_login_callback(self, query, **values):
        return self._plugins.hook.salesorder_login_callback(query=dict(query), **values)


def copies_by_dict(place):
    under = ReferenceHost(place)
    under.host.plugins = Copying(under.host.plugins)
    return under


# Pages -----------------------------------------------------------------------------------------


def nothing_escaped(place):
    drawing._environment().autoescape = False
    return ReferenceHost(place)


def errors_as_faults(place):
    async def fault(request, error):
        return PlainTextResponse("Internal Server Error", 500)

    under = ReferenceHost(place)
    under.app.exception_handlers[M365Error] = fault
    return under


def outcome_unsaid(place):
    sign_in._FINE = frozenset(LoginCode)
    return ReferenceHost(place)


def edits_a_copy(place):
    return careless(place, only="salesorder_account_save", account_id=lambda values: None)


def never_tested(place):
    return idle(place, "salesorder_test_connection", answer=True)


def maps_nothing(place):
    return careless(place, mapping=lambda values: {})


def stays_connected(place):
    return idle(place, "salesorder_disconnect", answer=True)


def keeps_the_deleted(place):
    return idle(place, "salesorder_account_delete", answer=True)


# Tickets, and the callback without a session ---------------------------------------------------


class Replacing(Careless):
    """The host, but its pages call functions of the host's own in place of some hooks."""

    def __getattr__(self, name):
        if name in self._changes:
            return partial(self._changes[name], super().__getattr__(name))
        return super().__getattr__(name)


def replacing(place, **functions):
    under = ReferenceHost(place)
    under.app.state.host = Replacing(under.host, **functions)
    return under


def ticket_answered_again(place):
    """It answers a request that it has seen with what it answered first."""
    answered = {}

    def open_(hook, **values):
        seen = (values["ticket"], values["worker"])
        if seen not in answered:
            answered[seen] = hook(**values)
        return answered[seen]

    return replacing(place, salesorder_ticket_open=open_)


def ticket_renewed(place):
    """It gives another ticket for one that has run out."""
    opened = set()
    under = ReferenceHost(place)

    def open_(hook, **values):
        again = values["ticket"] in opened
        opened.add(values["ticket"])
        try:
            return hook(**values)
        except TicketError as err:
            if err.code != "ticket_expired" or again:
                raise
            path = under.host.plugins.hook.salesorder_login_ticket(
                host=under.host,
                account_id=views(under)[0].id,
                worker=values["worker"],
                return_to="/",
                purpose="login",
            )
            return hook(**{**values, "ticket": path.partition("ticket=")[2]})

    under.app.state.host = Replacing(under.host, salesorder_ticket_open=open_)
    return under


def views(under):
    hook = under.host.plugins.hook
    return hook.salesorder_account_list(host=under.host, worker="admin")[0]


def ticket_in_any_session(place):
    known = sign_in._worker_of
    sign_in._worker_of = lambda environ: known(environ) and "admin"
    return ReferenceHost(place)


def ticket_without_a_session(place):
    known = sign_in._worker_of
    sign_in._worker_of = lambda environ: known(environ) or "admin"
    return ReferenceHost(place)


def browser_remembered(place):
    """It knows the browser by what it kept itself where no cookie comes along."""
    kept = []

    def open_(hook, **values):
        kept.append(values["browser"])
        return hook(**values)

    def callback(hook, **values):
        if not values["worker"] and not values["browser"] and kept:
            values["browser"] = kept[-1]
        return hook(**values)

    return replacing(place, salesorder_ticket_open=open_, salesorder_login_callback=callback)


def callback_for_sessions_alone(place):
    def callback(hook, **values):
        return hook(**values) if values["worker"] else None

    return replacing(place, salesorder_login_callback=callback)


# What the suite's first test is for ------------------------------------------------------------


def strict_cookies(place):
    """Its cookies stay behind on the way back from Microsoft, which begins at another site."""

    def change(scope, status, headers):
        return status, [
            (name, re.sub(rb"SameSite=[Ll]ax", b"SameSite=Strict", value))
            for name, value in headers
        ]

    return answering(ReferenceHost(place), change)
