"""The scheduled jobs, through the hooks: what they renew, warn of and clear, and when they stop."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from salesorder_m365.plugin.entra.identity import Identity
from salesorder_m365.plugin.errors import BadRequestError
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.events import claim_notice, notice_given
from salesorder_m365.plugin.store.tables import attempt, event, grant, notice
from salesorder_m365.plugin.store.upkeep import grants_to_renew
from salesorder_m365.schemas.job import JobReport
from salesorder_m365.schemas.permission import SYSTEM
from salesorder_m365.simulator.identity.faults import TokenFault
from sqlalchemy import func, select
from support.client_certificate import certificate_pem
from support.erp import WORKER, Erp

DAY = 24 * 3600


@pytest.fixture
def erp(sim, settings_for):
    yield Erp(settings_for(sim))
    dispose_engines()


@pytest.fixture
def run(erp):
    def run(name):
        return erp.hook.salesorder_job_run(host=erp, name=f"m365:{name}", worker=SYSTEM)

    return run


def count(erp, table):
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        return connection.scalar(select(func.count()).select_from(table))


def change(erp, statement):
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        connection.execute(statement)


def leave_unused(erp, account_id, days):
    """Let the account's token have run out so many days ago."""
    row = grant.update().where(grant.c.account_id == account_id)
    change(erp, row.values(expires_at=int(time.time()) - days * DAY))


@pytest.fixture
def accounts(erp, sim):
    """Return a function that connects some accounts, unused for these numbers of days."""

    def connected(*days):
        ids = [
            erp.connected(sim, account_name=f"Account {n}", request_id=f"request-{n}")
            for n in range(len(days))
        ]
        for id_, unused in zip(ids, days, strict=True):
            leave_unused(erp, id_, unused)
        sim.requests.clear()
        return ids

    return connected


def test_each_job_is_listed_with_a_title_and_runs(erp):
    [jobs] = erp.hook.salesorder_jobs()
    assert len(jobs) == 5
    for job in jobs:
        assert job.title
        assert job.every >= 60
        report = erp.hook.salesorder_job_run(host=erp, name=job.name, worker=WORKER)
        assert report == JobReport(name=job.name)


def test_a_job_that_there_is_not(erp, run):
    with pytest.raises(BadRequestError, match="There is no such job: m365:no_such_job"):
        run("no_such_job")
    assert erp.hook.salesorder_job_run(host=erp, name="other:job", worker=SYSTEM) is None


# Keep alive ------------------------------------------------------------------------------------


def test_what_was_unused_for_60_days_is_renewed(sim, run, accounts):
    accounts(61, 89, 59, 0)
    assert run("keep_alive") == JobReport(name="m365:keep_alive", done=2)
    assert sim.count(grant_type="refresh_token") == 2
    assert run("keep_alive") == JobReport(name="m365:keep_alive")


def test_a_grant_that_microsoft_refuses_asks_for_a_sign_in(erp, sim, run, accounts):
    one, other = accounts(80, 70)
    sim.faults.add(TokenFault(error="invalid_grant", aadsts=70008))
    assert run("keep_alive") == JobReport(name="m365:keep_alive", done=1, failed=1)
    assert (erp.view(one).state, erp.view(other).state) == ("sign_in_needed", "connected")
    assert run("keep_alive") == JobReport(name="m365:keep_alive")


def test_faults_of_accounts_end_no_run_however_many(erp, sim, run, accounts):
    ids = accounts(90, 85, 80, 75, 70, 65)
    for fault in ({"status": 503}, {"status": 500}, {"status": 200, "body": b"<html>"}) * 2:
        sim.faults.add(TokenFault(**fault))
    assert run("keep_alive") == JobReport(name="m365:keep_alive", failed=6)
    assert {erp.view(id_).state for id_ in ids} == {"connected"}


def test_a_throttling_microsoft_ends_it(sim, run, accounts):
    accounts(90, 85, 80, 75, 70)
    sim.faults.add(TokenFault(status=429, times=10))
    assert run("keep_alive") == JobReport(name="m365:keep_alive", failed=3, left=2)
    sim.faults.clear()
    assert run("keep_alive") == JobReport(name="m365:keep_alive", done=2)  # three still wait


def test_and_one_that_cannot_be_reached(erp, run, accounts, free_port):
    accounts(90, 85, 80, 75, 70)
    erp.settings = replace(erp.settings, authority=f"https://localhost:{free_port}/contoso.test")
    assert run("keep_alive") == JobReport(name="m365:keep_alive", failed=3, left=2)


def test_a_refused_registration_touches_no_account(erp, sim, run, accounts):
    ids = accounts(90, 80)
    sim.tenant.policies.secret_expired = True
    assert run("keep_alive") == JobReport(name="m365:keep_alive", failed=2)
    assert {erp.view(id_).state for id_ in ids} == {"connected"}
    assert erp.event_names().count("registration_refused") == 1


def test_the_first_run_renews_all_but_the_broken_ones_in_front(erp, sim, run, accounts, mocker):
    """One unreadable, one disabled, three unintelligible, one that meets a fault of ours."""
    ids = accounts(*range(90, 70, -1))
    unreadable, disabled, *unintelligible = ids[:5]
    spoilt = grant.update().where(grant.c.account_id == unreadable)
    change(erp, spoilt.values(msal_cache=b"\x01" * 60, access_token=b"\x01" * 60))
    sim.faults.add(TokenFault(error="invalid_grant", aadsts=50057))
    sim.faults.add(TokenFault(status=200, body=b"[[[", times=3))
    renew, answers = Identity.renew, iter([None] * 4 + [IndexError("ours")])

    def faulty(identity, cache):
        if raised := next(answers, None):
            raise raised
        return renew(identity, cache)

    mocker.patch.object(Identity, "renew", faulty)
    assert run("keep_alive") == JobReport(name="m365:keep_alive", done=14, failed=6)
    assert [erp.view(id_).state for id_ in ids[5:]] == ["connected"] * 15
    assert erp.view(disabled).state == "sign_in_needed"
    # What failed is put behind: the next run does not begin with it.
    leave_unused(erp, ids[-1], 61)
    long_ago = grant.update().where(grant.c.account_id == ids[-1])
    change(erp, long_ago.values(tried_at=time.time() - 61 * DAY))
    change(erp, grant.update().values(not_before=0))
    with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
        due = grants_to_renew(connection, unused=60 * DAY, refused=DAY)
    assert due[:1] == [ids[-1]]
    assert set(due[1:]) == {unreadable, *unintelligible, ids[5]}


def test_a_refused_grant_is_tried_again_after_a_day(erp, sim, run, accounts):
    one, other = accounts(80, 1)
    sim.faults.add(TokenFault(error="interaction_required", aadsts=50076))
    assert run("keep_alive") == JobReport(name="m365:keep_alive", failed=1)
    assert run("keep_alive") == JobReport(name="m365:keep_alive")
    change(erp, grant.update().values(tried_at=grant.c.tried_at - DAY - 1))
    assert run("keep_alive") == JobReport(name="m365:keep_alive", done=1)
    assert (erp.view(one).state, erp.view(other).state) == ("connected", "connected")


def test_a_run_ends_in_time_and_the_next_goes_on(run, accounts, monkeypatch):
    accounts(90, 80)
    monkeypatch.setattr("salesorder_m365.plugin.upkeep.jobs._RUN_SECONDS", -1)
    assert run("keep_alive") == JobReport(name="m365:keep_alive", left=2)
    monkeypatch.setattr("salesorder_m365.plugin.upkeep.jobs._RUN_SECONDS", 60)
    assert run("keep_alive") == JobReport(name="m365:keep_alive", done=2)


def test_a_notice_from_the_future_holds_none_back(erp):
    with writing(engine_for(erp.name, erp.settings.database_url)) as connection:
        assert claim_notice(connection, "registration_refused", 3600)
        assert not claim_notice(connection, "registration_refused", 3600)
        # As it stands after the clock was set back a day.
        connection.execute(notice.update().values(given_at=time.time() + DAY))
        assert not notice_given(connection, "registration_refused", 3600)
        assert claim_notice(connection, "registration_refused", 3600)
        assert notice_given(connection, "registration_refused", 3600)


# Warn ------------------------------------------------------------------------------------------


def expires_in(days):
    return (datetime.now(UTC) + timedelta(days=days)).date().isoformat()


def warnings(erp):
    return [event for event in erp.events if event.name == "secret_expiring"]


def test_a_warning_is_given_once_for_each_threshold(erp, sim, run, settings_for):
    erp.settings = settings_for(sim, client_secret_expires=expires_in(40))
    told = []
    for day in range(45):
        erp.later = timedelta(days=day)
        for _ in range(2):
            run("warn")
        if len(warnings(erp)) > len(told):
            told.append(warnings(erp)[-1].details["days"])
    assert told == ["30", "7", "1"]
    assert warnings(erp)[0].details["credential"] == "client secret"
    assert warnings(erp)[0].details["expires"] == expires_in(40)
    assert len(warnings(erp)) == 3


def test_a_late_start_warns_once(erp, sim, run, settings_for):
    erp.settings = settings_for(sim, client_secret_expires=expires_in(5))
    assert [run("warn").done for _ in range(2)] == [1, 0]


def test_a_new_secret_is_warned_of_again(erp, sim, run, settings_for):
    for days in (5, 6):
        erp.settings = settings_for(
            sim,
            client_secret_expires=expires_in(days),
            database_url=erp.settings.database_url,
            key_ring=f"k{days}:" + "A" * 43 + "=",
        )
        assert run("warn").done == 1


@pytest.mark.parametrize("changes", [{}, {"client_secret_expires": expires_in(60)}])
def test_no_date_or_a_far_one_is_no_warning(erp, sim, run, settings_for, changes):
    erp.settings = settings_for(sim, **changes)
    assert run("warn") == JobReport(name="m365:warn")
    assert warnings(erp) == []


def test_a_certificate_is_warned_of_by_its_own_date(erp, sim, run, settings_for, tmp_path):
    file = tmp_path / "client.pem"
    file.write_bytes(certificate_pem(days=20))
    erp.settings = settings_for(sim, client_secret=None, client_certificate=str(file))
    assert run("warn").done == 1
    assert warnings(erp)[0].details["credential"] == "certificate"
    file.write_text("no certificate")
    assert run("warn") == JobReport(name="m365:warn", failed=1)


# Clean -----------------------------------------------------------------------------------------


def test_old_attempts_events_and_notices_go(erp, run):
    account_id = erp.save().id
    erp.begin(account_id)
    assert run("clean").done == 0
    erp.later = timedelta(days=1, minutes=11)
    assert run("clean").done == 1
    assert count(erp, attempt) == 0
    before = count(erp, event)
    assert before > 0
    erp.later = timedelta(days=364)
    assert run("clean").done == 0
    erp.later = timedelta(days=366, hours=1)
    assert run("clean").done == before
    assert count(erp, event) == 0


# The alarm -------------------------------------------------------------------------------------


def test_a_refused_registration_is_told_once_whoever_meets_it(erp, sim, accounts):
    ids = accounts(1, 1)
    other = Erp(erp.settings)  # another worker process' view of the same host
    sim.tenant.policies.secret_expired = True
    for host in (erp, other):
        for id_ in ids:
            host.test(id_)
            change(erp, grant.update().values(not_before=0))
        assert host.sign_in(sim, ids[0]).code == "refused"
    told = [e for host in (erp, other) for e in host.events if e.name == "registration_refused"]
    assert [(e.worker, e.account_id, e.details) for e in told] == [
        (SYSTEM, None, {"code": "secret_expired"})
    ]
    assert {erp.view(id_).state for id_ in ids} == {"connected"}
