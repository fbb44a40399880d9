"""A callback that is run again, that comes for nothing, and that somebody loads in a loop."""

import threading

import pytest
from salesorder_m365.plugin.store.engines import engine_for, reading
from salesorder_m365.plugin.store.tables import attempt
from salesorder_m365.simulator.identity.faults import TokenFault
from sqlalchemy import func, select
from support.erp import WORKER

SALES = "sales@contoso.test"


@pytest.fixture
def account_id(erp):
    return erp.save().id


def returned(erp, sim, account_id, **how):
    return sim.sign_in(erp.begin(account_id).url, how.pop("username", SALES), **how)


ENDS = {
    "connected": ({}, None),
    "declined": ({"consent": False}, None),
    "wrong_user": ({"username": "purchasing@contoso.test"}, None),
    "unavailable": ({}, TokenFault(status=503)),
    "refused": ({}, TokenFault(aadsts=70008)),
}


@pytest.mark.parametrize(("how", "fault"), ENDS.values(), ids=ENDS)
def test_the_callback_run_again_answers_what_it_answered(erp, sim, account_id, how, fault):
    query = returned(erp, sim, account_id, **how)
    if fault:
        sim.faults.add(fault)
    first = erp.finish(query)
    asked, told = sim.count(grant_type="authorization_code"), list(erp.events)
    assert [erp.finish(query) for _ in range(3)] == [first] * 3
    assert sim.count(grant_type="authorization_code") == asked <= 1
    assert erp.events == told


def test_the_callback_run_again_tells_a_stranger_nothing(erp, sim, account_id):
    query = returned(erp, sim, account_id)
    assert erp.finish(query).code == "connected"
    for stranger in ({"browser": "another-browser-altogether"}, {"worker": "worker-2"}):
        outcome = erp.finish(query, **stranger)
        assert (outcome.code, outcome.signed_in_as) == ("expired", None)


def test_two_callbacks_at_once_make_one_token_request(erp, sim, account_id):
    query, outcomes, start = returned(erp, sim, account_id), [], threading.Barrier(4)

    def press():
        start.wait(10)
        outcomes.append(erp.finish(query).code)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sim.count(grant_type="authorization_code") == 1
    assert outcomes.count("connected") >= 1
    assert erp.finish(query).code == "connected"


def test_an_account_deleted_while_the_worker_is_at_microsoft(erp, sim, account_id):
    query = returned(erp, sim, account_id)
    erp.hook.salesorder_account_delete(host=erp, account_id=account_id, worker=WORKER)
    outcome = erp.finish(query)
    assert (outcome.code, outcome.account_id, outcome.next_url) == ("expired", None, "/")
    assert outcome.finding.code == "attempt_gone"
    assert "deleted" in outcome.finding.cause
    assert sim.count(grant_type="authorization_code") == 0


def test_an_account_deleted_while_the_code_is_redeemed(erp, sim, account_id, mocker):
    query = returned(erp, sim, account_id)

    def deleted(*_args):
        erp.hook.salesorder_account_delete(host=erp, account_id=account_id, worker=WORKER)
        return

    mocker.patch("salesorder_m365.plugin.sign_in.sign_in.SignIn._grant", side_effect=deleted)
    outcome = erp.finish(query)
    assert (outcome.code, outcome.finding.code) == ("expired", "account_gone")


def test_a_username_changed_while_the_worker_is_at_microsoft(erp, sim, account_id):
    query = returned(erp, sim, account_id)
    erp.save(account_id, username="purchasing@contoso.test")
    outcome = erp.finish(query)
    assert (outcome.code, outcome.finding.code) == ("expired", "account_changed_meanwhile")
    assert SALES in outcome.finding.what
    assert erp.view(account_id).state == "draft"


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state[:-1],
        lambda state: state + "A",
        lambda state: state.swapcase(),
        lambda state: "A" * 32 + state[32:],
        lambda state: "unknown",
    ],
    ids=["cut", "longer", "other case", "another random part", "another plugin's"],
)
def test_a_state_that_we_did_not_give_is_left_to_others(erp, sim, account_id, change):
    query = returned(erp, sim, account_id)
    erp.hook.salesorder_account_delete(host=erp, account_id=account_id, worker=WORKER)
    assert erp.finish(query | {"state": change(query["state"])}) is None


def test_another_hosts_state_is_left_to_it(erp, sim, account_id, settings_for, tmp_path):
    query = returned(erp, sim, account_id)
    url = f"sqlite:///{tmp_path}/other.db"
    assert type(erp)(settings_for(sim, database_url=url), name="other").finish(query) is None


def attempts_stored(erp):
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        return connection.scalar(select(func.count()).select_from(attempt))


def test_the_newest_twenty_sign_ins_of_a_worker_and_account_are_kept(erp, sim, account_id):
    other = erp.save(account_name="Other", request_id="r2").id
    theirs = erp.begin(other)
    for _ in range(30):
        last = erp.begin(account_id)
    assert attempts_stored(erp) == 21
    assert erp.finish(sim.sign_in(theirs.url, SALES)).code == "connected"
    assert erp.finish(sim.sign_in(last.url, SALES)).code == "connected"


def test_a_worker_who_begins_in_a_loop_takes_no_others_sign_in(erp, sim, account_id):
    query = returned(erp, sim, account_id)
    for _ in range(30):
        erp.begin(account_id, worker="worker-2")
    assert erp.finish(query).code == "connected"


def test_a_replayed_state_is_one_event_a_minute(erp, sim, account_id):
    query = returned(erp, sim, account_id)
    for _ in range(20):
        assert erp.finish(query, browser="another-browser-altogether").code == "expired"
    assert erp.event_names().count("authn_login_fail") == 1
    [event] = [event for event in erp.events if event.name == "authn_login_fail"]
    assert (event.worker, event.account_id) == (WORKER, account_id)
    # Another worker's is another event.
    erp.finish(query, worker="worker-2")
    assert erp.event_names().count("authn_login_fail") == 2
