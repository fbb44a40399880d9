"""The hooks for Generic accounts, with a host as its author writes one and the simulator."""

import pytest
from support.erp import WORKER
from support.generic_host import GenericErp, generic

HOOKS = {
    "salesorder_generic_accounts_plan": {},
    "salesorder_generic_accounts_replace": {
        "generic_ids": None,
        "force": False,
        "progress": None,
    },
    "salesorder_generic_accounts_restore": {
        "generic_ids": None,
        "keep_new": True,
        "progress": None,
    },
}


@pytest.fixture
def host(sim, settings_for):
    return GenericErp(settings_for(sim), generic())


def test_no_moment_without_a_working_account(host, sim):
    (outcome,) = host.replace().values()
    assert (outcome.code, list(host.old)) == ("sign_in_first", ["g1"])
    new = host.view(outcome.account_id)
    assert (new.state, new.values.account_name) == ("draft", "Branch 1")

    host.sign_in(sim, new.id)
    assert host.lines()["g1"].account_state == "connected"
    sim.tenant.policies.smtp_auth_disabled = True
    (outcome,) = host.replace().values()
    assert (outcome.code, list(host.old)) == ("test_failed", ["g1"])
    assert host.view(new.id).report.findings[0].code == "smtp_auth_disabled"

    sim.tenant.policies.smtp_auth_disabled = False
    (outcome,) = host.replace().values()
    assert (outcome.code, host.old) == ("replaced", {})
    assert host.successors == {"g1": new.id}
    assert host.view(new.id).report.passed


def test_a_test_that_passed_by_hand_is_not_run_again(host, sim):
    account_id = host.replace()["g1"].account_id
    host.sign_in(sim, account_id)
    assert host.test(account_id).passed
    assert host.lines()["g1"].tested
    assert host.replace()["g1"].code == "replaced"
    assert host.event_names().count("mail_account_tested") == 1


def test_a_test_from_before_the_copy_does_not_count(host, sim):
    account_id = host.connected(sim)
    assert host.test(account_id).passed
    assert host.replace()["g1"].account_id == account_id
    assert host.event_names().count("mail_account_tested") == 2


def test_each_step_is_an_event_of_the_new_account(host):
    host.replace()
    host.replace(force=True)
    account_id = host.successors["g1"]
    host.restore(keep_new=True)
    details = {"generic_id": "g1", "mailbox": "sales@contoso.test"}
    told = [(e.name, e.account_id, e.worker, dict(e.details)) for e in host.events]
    assert told == [
        ("mail_account_created", account_id, WORKER, {"mailbox": "sales@contoso.test"}),
        ("mail_account_generic_kept", account_id, WORKER, details),
        ("mail_account_generic_deleted", account_id, WORKER, details),
        ("mail_account_generic_restored", account_id, WORKER, details),
    ]
    assert [e.name for e in reversed(host.view(account_id).events)] == [name for name, *_ in told]


def test_progress_tells_each_outcome_and_may_raise(host, caplog):
    def progress(outcome):
        seen.append(outcome)
        raise OSError(outcome.name)

    seen = []
    outcomes = host.replace(progress=progress)
    assert seen == list(outcomes.values())
    assert "progress failed" in caplog.text


@pytest.mark.parametrize(("hook", "arguments"), HOOKS.items())
def test_another_plugins_kind_is_left_to_it(host, hook, arguments):
    call = getattr(host.hook, hook)
    assert call(host=host, kind="other", worker=WORKER, **arguments) is None


@pytest.mark.parametrize(("hook", "arguments"), HOOKS.items())
def test_a_host_without_generic_accounts_brings_nothing_and_gets_none(erp, hook, arguments):
    call = getattr(erp.hook, hook)
    assert call(host=erp, kind="m365", worker=WORKER, **arguments) is None
