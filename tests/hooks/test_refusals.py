"""Every hook asks for permission; and nobody but the browser and worker of an attempt ends it."""

from datetime import timedelta

import pytest
from salesorder_m365.hooks import spec
from salesorder_m365.plugin.errors import NotAllowedError
from salesorder_m365.plugin.store.engines import engine_for, writing
from salesorder_m365.plugin.store.tables import attempt
from salesorder_m365.schemas.outgoing import OutgoingMail
from salesorder_m365.schemas.permission import SYSTEM, Permission
from support.erp import BROWSER, WORKER

ID = "m365:0"
#: Hook by hook: the permission it asks for, and what it is called with.
CALLS = {
    "salesorder_account_view": (Permission.VIEW, {"account_id": ID}),
    "salesorder_account_list": (Permission.VIEW, {}),
    "salesorder_account_save": (
        Permission.CREATE,
        {"kind": "m365", "account_id": None, "values": {}, "request_id": "r"},
    ),
    "salesorder_account_delete": (Permission.DELETE, {"account_id": ID}),
    "salesorder_login_begin": (
        Permission.CONNECT,
        {"account_id": ID, "browser": BROWSER, "return_to": "/"},
    ),
    "salesorder_consent_begin": (
        Permission.CONNECT,
        {"account_id": ID, "browser": BROWSER, "return_to": "/"},
    ),
    "salesorder_login_ticket": (
        Permission.CONNECT,
        {"account_id": ID, "return_to": "/", "purpose": "login"},
    ),
    "salesorder_disconnect": (Permission.CONNECT, {"account_id": ID}),
    "salesorder_test_connection": (Permission.TEST, {"account_id": ID, "progress": None}),
    "salesorder_folder_choices": (Permission.MAP_FOLDERS, {"account_id": ID}),
    "salesorder_folder_map": (Permission.MAP_FOLDERS, {"account_id": ID, "mapping": {}}),
    "salesorder_generic_accounts_plan": (Permission.REPLACE, {"kind": "m365"}),
    "salesorder_generic_accounts_replace": (
        Permission.REPLACE,
        {"kind": "m365", "generic_ids": None, "force": True, "progress": None},
    ),
    "salesorder_generic_accounts_restore": (
        Permission.REPLACE,
        {"kind": "m365", "generic_ids": None, "keep_new": False, "progress": None},
    ),
    "salesorder_job_run": (Permission.MAINTAIN, {"name": "m365:clean"}),
    "salesorder_health": (Permission.MAINTAIN, {}),
    "salesorder_mail_access": (
        Permission.USE,
        {"account_id": ID, "protocol": "smtp", "rejected": None},
    ),
    "salesorder_sender_account": (Permission.USE, {"address": "sales@contoso.test"}),
    "salesorder_mail_preview": (Permission.SEND, {"account_id": ID, "message": OutgoingMail()}),
    "salesorder_mail_send": (
        Permission.SEND,
        {"account_id": ID, "message": OutgoingMail(), "request_id": "r", "wait": 0.0},
    ),
    "salesorder_mail_delivery": (Permission.SEND, {"delivery_id": "m365:mail:0"}),
    "salesorder_mail_deliveries": (
        Permission.SEND,
        {"account_id": ID, "state": None, "document": None, "limit": 10, "before": None},
    ),
    "salesorder_mail_test": (Permission.SEND, {"account_id": ID, "progress": None}),
    "salesorder_mail_decide": (
        Permission.DECIDE,
        {"delivery_id": "m365:mail:0", "decision": "cancel"},
    ),
    "salesorder_work_due": (Permission.MAINTAIN, {"limit": 10}),
    "salesorder_work_run": (
        Permission.MAINTAIN,
        {"kind": "deliver", "account_id": ID, "seconds": 1.0},
    ),
}
#: Need no worker; is called by the plugin; ask with the attempt's or ticket's account, see below
#: and test_tickets.py.
OTHERWISE = {
    "salesorder_account_kinds",
    "salesorder_jobs",
    "salesorder_event",
    "salesorder_login_callback",
    "salesorder_ticket_open",
}


def test_the_table_has_every_hook():
    hooks = {name for name in dir(spec) if name.startswith("salesorder_")}
    assert hooks == CALLS.keys() | OTHERWISE


@pytest.mark.parametrize("name", CALLS)
def test_a_worker_without_permission_is_refused(erp, name):
    permission, arguments = CALLS[name]
    erp.denied = {permission}
    with pytest.raises(NotAllowedError) as refusal:
        getattr(erp.hook, name)(host=erp, worker=WORKER, **arguments)
    assert (refusal.value.worker, refusal.value.permission) == (WORKER, permission)
    assert refusal.value.account_id == arguments.get("account_id")
    [event] = erp.events
    assert (event.name, event.worker, event.details["permission"]) == (
        "authz_fail",
        WORKER,
        permission,
    )


def test_editing_asks_for_another_permission_than_creating(erp):
    view = erp.save()
    erp.denied = {Permission.EDIT}
    with pytest.raises(NotAllowedError) as refusal:
        erp.save(view.id)
    assert refusal.value.permission == Permission.EDIT


def test_a_permission_taken_away_during_the_sign_in_counts(erp, sim):
    account_id = erp.save().id
    query = sim.sign_in(erp.begin(account_id).url, "sales@contoso.test")
    erp.denied = {Permission.CONNECT}
    with pytest.raises(NotAllowedError):
        erp.finish(query)
    assert sim.count(grant_type="authorization_code") == 0


def test_accounts_that_may_not_be_seen_are_left_out_of_the_list(erp, mocker):
    seen, hidden = erp.save(), erp.save(account_name="Other", request_id="request-2")
    mocker.patch.object(erp, "allows", lambda _worker, _permission, id_: id_ != hidden.id)
    [views] = erp.hook.salesorder_account_list(host=erp, worker=WORKER)
    assert [view.id for view in views] == [seen.id]


@pytest.fixture
def returned(erp, sim):
    """An account and the query with which the browser comes back for it."""
    account_id = erp.save().id
    return account_id, sim.sign_in(erp.begin(account_id).url, "sales@contoso.test")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"browser": "another-browser-altogether"}, "attempt_foreign"),
        ({"worker": "worker-2"}, "attempt_foreign"),
    ],
    ids=["browser", "worker"],
)
def test_another_browser_or_worker_ends_no_attempt(erp, sim, returned, change, code):
    account_id, query = returned
    outcome = erp.finish(query, **change)
    assert (outcome.code, outcome.finding.code) == ("expired", code)
    assert sim.count(grant_type="authorization_code") == 0
    assert erp.view(account_id).state == "draft"
    # The attempt is not used up by it: who began it can still end it.
    assert erp.finish(query).code == "connected"


@pytest.mark.parametrize("nobody", [None, ""], ids=repr)
def test_the_browser_stands_for_a_worker_whose_session_cookie_stayed_behind(erp, returned, nobody):
    account_id, query = returned
    assert erp.finish(query, worker=nobody).code == "connected"
    assert erp.view(account_id).signed_in_as == "sales@contoso.test"
    assert (erp.events[-1].name, erp.events[-1].worker) == ("authn_login_success", WORKER)


@pytest.mark.parametrize("browser", ["another-browser-altogether", ""], ids=["other", "none"])
def test_nobody_in_another_browser_ends_no_attempt(erp, sim, returned, browser):
    _, query = returned
    outcome = erp.finish(query, worker=None, browser=browser)
    assert (outcome.code, outcome.finding.code) == ("expired", "attempt_foreign")
    assert (outcome.account_id, outcome.expected, outcome.next_url) == (None, None, "/")
    assert sim.count(grant_type="authorization_code") == 0
    assert (erp.events[-1].name, erp.events[-1].worker) == ("authn_login_fail", SYSTEM)
    assert erp.finish(query, worker=None).code == "connected"


def test_a_permission_that_was_taken_away_counts_without_a_session_too(erp, sim, returned):
    erp.denied = {Permission.CONNECT}
    with pytest.raises(NotAllowedError) as refusal:
        erp.finish(returned[1], worker=None)
    assert refusal.value.worker == WORKER
    assert sim.count(grant_type="authorization_code") == 0


def test_a_stranger_is_told_nothing_of_the_account(erp, returned):
    outcome = erp.finish(returned[1], worker="worker-2")
    assert (outcome.account_id, outcome.expected, outcome.next_url) == (None, None, "/")


def test_a_callback_that_is_run_again_has_its_outcome_again(erp, sim, returned):
    account_id, query = returned
    first = erp.finish(query)
    assert first.code == "connected"
    told = list(erp.events)
    again = [erp.finish(query), erp.finish({"state": query["state"]}), erp.finish(query, worker="")]
    assert again == [first] * 3
    assert sim.count(grant_type="authorization_code") == 1
    assert erp.events == told
    assert erp.view(account_id).state == "connected"


@pytest.mark.parametrize("who", [{"worker": "worker-2"}, {"browser": "another-browser-altogether"}])
def test_nobody_else_is_told_what_a_callback_led_to(erp, sim, returned, who):
    erp.finish(returned[1])
    outcome = erp.finish(returned[1], **who)
    assert (outcome.code, outcome.finding.code) == ("expired", "attempt_foreign")
    assert "sales@contoso.test" not in repr(outcome) or "browser" in who


@pytest.mark.parametrize("mailbox", ["purchasing@contoso.test", None], ids=["other", "declined"])
def test_a_sign_in_that_failed_has_its_outcome_again(erp, sim, mailbox):
    account_id = erp.save().id
    consent = mailbox is not None
    url = erp.begin(account_id).url
    query = sim.sign_in(url, mailbox or "sales@contoso.test", consent=consent)
    first = erp.finish(query)
    assert first.code == ("wrong_user" if consent else "declined")
    assert erp.finish(query) == first
    assert erp.event_names().count("authn_login_fail") == 1


def test_an_outcome_of_another_version_is_not_shown(erp, sim, returned):
    account_id, query = returned
    erp.finish(query)
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(attempt.update().values(outcome={"code": "of a later version"}))
    assert erp.finish(query).code == "expired"
    assert erp.view(account_id).state == "connected"


def test_a_replay_without_an_outcome_makes_no_token_request(erp, sim, returned, mocker):
    # The process ended between redeeming the code and storing what came of it.
    target = "salesorder_m365.plugin.sign_in.sign_in.SignIn._redeemed"
    mocker.patch(target, side_effect=MemoryError)
    with pytest.raises(MemoryError):
        erp.finish(returned[1])
    mocker.stopall()
    erp.later = timedelta(seconds=erp.settings.http_timeout)
    again = erp.finish(returned[1])
    assert (again.code, again.finding.code) == ("expired", "attempt_expired")
    assert sim.count(grant_type="authorization_code") == 0


def test_a_late_callback_makes_no_token_request(erp, sim, returned):
    erp.later = timedelta(minutes=10, seconds=1)
    outcome = erp.finish(returned[1])
    assert (outcome.code, outcome.finding.code) == ("expired", "attempt_expired")
    assert sim.count(grant_type="authorization_code") == 0


@pytest.mark.parametrize("query", [{}, {"code": "x"}, {"state": "unknown", "code": "x"}])
def test_a_callback_that_is_not_ours_is_left_to_others(erp, sim, query):
    assert erp.finish(query) is None
    assert sim.count(grant_type="authorization_code") == 0


@pytest.mark.parametrize(
    "name", [name for name, (_, arguments) in CALLS.items() if "account_id" in arguments]
)
def test_another_plugins_account_is_left_to_it(erp, name):
    arguments = CALLS[name][1] | {"account_id": "other:1"}
    assert getattr(erp.hook, name)(host=erp, worker=WORKER, **arguments) is None
