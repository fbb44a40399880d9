"""The reference host with one defect each: the conformance suite must find every one by name.

``--salesorder-host support.broken_hosts:any_browser``; DEFECTS says which test finds which.
"""

import json
import secrets
from contextvars import ContextVar
from dataclasses import replace
from types import SimpleNamespace

from salesorder_m365.demo.erp.host import DemoHost
from salesorder_m365.demo.testing import ReferenceHost
from salesorder_m365.hooks.manager import create_manager
from salesorder_m365.hooks.spec import hookimpl

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
}


class Careless:
    """The host, but its pages pass some arguments to the hooks changed."""

    def __init__(self, host, /, **changes):
        self._host = host
        self._changes = changes
        self.plugins = SimpleNamespace(hook=self)

    def __getattr__(self, name):
        if not name.startswith("salesorder_"):
            return getattr(self._host, name)
        hook = getattr(self._host.plugins.hook, name)

        def call(**values):
            for argument in values.keys() & self._changes:
                values[argument] = self._changes[argument](values)
            return hook(**values)

        return call


def careless(place, **changes):
    under = ReferenceHost(place)
    under.app.state.host = Careless(under.host, **changes)
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
    return careless(place, worker=lambda values: "admin")


# A callback from another browser is accepted ---------------------------------------------------


def any_browser(place):
    return careless(place, browser=lambda values: "one-value-for-every-browser")


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


# What the suite's first test is for ------------------------------------------------------------


def strict_cookies(place):
    """Its cookies stay behind on the way back from Microsoft, which begins at another site."""
    under = ReferenceHost(place)
    lax = under.app

    async def app(scope, receive, send):
        async def strict(message):
            if message["type"] == "http.response.start":
                headers = [
                    (name, value.replace(b"SameSite=lax", b"SameSite=Strict"))
                    for name, value in message["headers"]
                ]
                message = message | {"headers": headers}
            await send(message)

        await lax(scope, receive, strict)

    under.app = app
    return under
