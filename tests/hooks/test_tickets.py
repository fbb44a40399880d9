"""Tickets: what opens one, what does not, and that a mismatch does not use it up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from salesorder_m365.plugin.errors import (
    BadRequestError,
    M365Error,
    NoSuchAccountError,
    NotAllowedError,
    TicketError,
)
from salesorder_m365.plugin.store.engines import engine_for, reading
from salesorder_m365.plugin.store.tables import ticket as table
from salesorder_m365.schemas.permission import Permission
from sqlalchemy import select
from support.erp import BROWSER, WORKER, Erp
from support.return_targets import OFF_SITE


@pytest.fixture
def account_id(erp):
    return erp.save().id


def give(erp, account_id, worker=WORKER, return_to="/mail/1", purpose="login"):
    return erp.hook.salesorder_login_ticket(
        host=erp, account_id=account_id, worker=worker, return_to=return_to, purpose=purpose
    )


def ticket_of(path):
    (ticket,) = parse_qs(urlsplit(path).query)["ticket"]
    return ticket


def open_(erp, path, worker=WORKER, browser=BROWSER):
    return erp.hook.salesorder_ticket_open(
        host=erp, ticket=ticket_of(path), worker=worker, browser=browser
    )


def rows(erp):
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        return connection.execute(select(table)).mappings().all()


@pytest.mark.parametrize("purpose", ["login", "consent"])
def test_a_ticket_begins_what_it_was_given_for(erp, sim, account_id, purpose):
    path = give(erp, account_id, purpose=purpose)
    assert path.startswith("/oauth/login?ticket=m365:")
    redirect = open_(erp, path)
    assert redirect.status == 303
    assert ("/adminconsent?" in redirect.url) == (purpose == "consent")
    if purpose == "login":
        outcome = erp.finish(sim.sign_in(redirect.url, "sales@contoso.test"))
        assert (outcome.code, outcome.next_url) == ("connected", "/mail/1")


ROUTES = {
    "beside the callback": ("https://erp.example.com", "/mail/m365/callback", "/mail/m365/login"),
    "below the host's path": ("https://erp.example.com/sub", "/m365/callback", "/sub/m365/login"),
    "at the top": ("https://erp.example.com", "/callback", "/login"),
    "with a slash at the end": ("https://erp.example.com", "/m365/back/", "/m365/back/login"),
    "the host's own address": ("https://erp.example.com/sub", "/", "/sub/login"),
}


@pytest.mark.parametrize(("base_url", "callback_path", "login"), ROUTES.values(), ids=ROUTES)
def test_the_address_lies_in_the_folder_of_the_callback(
    sim, settings_for, base_url, callback_path, login
):
    erp = Erp(settings_for(sim, base_url=base_url, callback_path=callback_path))
    assert give(erp, erp.save().id).startswith(f"{login}?ticket=m365:")


def refused(erp, path, **who):
    with pytest.raises(TicketError) as refusal:
        open_(erp, path, **who)
    return refusal.value.code


def test_a_ticket_opens_once(erp, account_id):
    path = give(erp, account_id)
    open_(erp, path)
    assert refused(erp, path) == "ticket_expired"
    assert erp.event_names().count("authn_login_begin") == 1


def test_of_many_at_once_one_opens_it(erp, account_id):
    path = give(erp, account_id)

    def attempt(_number):
        try:
            return open_(erp, path).status
        except M365Error as err:
            return err.code

    with ThreadPoolExecutor(8) as pool:
        ended = sorted(pool.map(attempt, range(8)), key=str)
    assert ended == [303, *["ticket_expired"] * 7]


@pytest.mark.parametrize(("seconds", "opens"), [(59.9, True), (60, False), (3600, False)])
def test_a_ticket_lives_a_minute(erp, account_id, mocker, seconds, opens):
    given = erp.now()
    mocker.patch.object(erp, "now", return_value=given)
    path = give(erp, account_id)
    mocker.patch.object(erp, "now", return_value=given + timedelta(seconds=seconds))
    if opens:
        assert open_(erp, path)
    else:
        assert refused(erp, path) == "ticket_expired"


def test_another_workers_session_opens_nothing_and_leaves_it_open(erp, account_id):
    path = give(erp, account_id)
    assert refused(erp, path, worker="worker-2") == "ticket_foreign"
    event = erp.events[-1]
    assert (event.name, event.worker, event.account_id) == (
        "authn_login_fail",
        "worker-2",
        account_id,
    )
    assert open_(erp, path)


@pytest.mark.parametrize("nobody", [None, ""], ids=repr)
def test_without_a_session_nothing_opens(erp, account_id, nobody):
    path = give(erp, account_id)
    assert refused(erp, path, worker=nobody) == "ticket_nobody"
    assert open_(erp, path)


def test_what_never_was_a_ticket_is_refused_and_another_plugins_is_left_to_it(erp):
    assert refused(erp, "/x?ticket=m365:nobodys") == "ticket_expired"
    assert open_(erp, "/x?ticket=other:1") is None


def test_a_permission_taken_away_in_between_counts(erp, account_id):
    path = give(erp, account_id)
    erp.denied = {Permission.CONNECT}
    with pytest.raises(NotAllowedError):
        open_(erp, path)


def test_an_account_deleted_in_between_takes_its_tickets_along(erp, account_id):
    path = give(erp, account_id)
    erp.hook.salesorder_account_delete(host=erp, account_id=account_id, worker=WORKER)
    assert rows(erp) == []
    assert refused(erp, path) == "ticket_expired"


def test_no_ticket_is_given_for_an_account_that_is_not_there(erp):
    with pytest.raises(NoSuchAccountError):
        give(erp, "m365:0")


@pytest.mark.parametrize("path", OFF_SITE)
def test_no_ticket_leads_off_the_host(erp, account_id, path):
    with pytest.raises(BadRequestError):
        give(erp, account_id, return_to=path)
    assert rows(erp) == []


@pytest.mark.parametrize("purpose", ["device", "", "LOGIN", "login "])
def test_a_purpose_that_there_is_not_is_refused_by_name(erp, account_id, purpose):
    with pytest.raises(BadRequestError, match="purpose"):
        give(erp, account_id, purpose=purpose)


def test_the_database_holds_no_ticket_that_opens_and_none_for_long(erp, account_id):
    tickets = [ticket_of(give(erp, account_id)) for _ in range(3)]
    assert len(set(tickets)) == 3
    stored = rows(erp)
    assert len(stored) == 3
    assert [ticket for ticket in tickets if ticket in str(stored) or len(ticket) < 43] == []
    erp.later = timedelta(seconds=61)
    give(erp, account_id)
    assert len(rows(erp)) == 1
