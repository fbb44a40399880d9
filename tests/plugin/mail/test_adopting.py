"""A database that was copied, moved or restored: no mail leaves twice, and a copy sends none."""

from dataclasses import replace
from datetime import timedelta

import pytest
from salesorder_m365.plugin.mail import delivering
from salesorder_m365.plugin.mail.adopting import Adopt
from salesorder_m365.plugin.mail.forgotten import Forgotten
from salesorder_m365.plugin.store.engines import dispose_engines
from salesorder_m365.plugin.store.mail_tables import delivery
from salesorder_m365.schemas.delivery import DeliveryState, WaitReason
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from sqlalchemy import select
from support.erp import WORKER, Erp
from support.outbox import age, backed_up, open_paused, release, restored

QUEUED, SENT, UNCERTAIN, FAILED, CANCELLED = (
    DeliveryState.QUEUED,
    DeliveryState.SENT,
    DeliveryState.UNCERTAIN,
    DeliveryState.FAILED,
    DeliveryState.CANCELLED,
)


def adopt(here, how):
    return here.use_cases.adoption.adopt(how, WORKER)


def work_for_an_hour(here):
    """Do all that is due, again and again, while time passes."""
    for seconds in (20, 60, 180, 601, 1800, 900):
        here.deliver()
        age(here.engine, seconds)
        here.look()
    here.deliver()


@pytest.fixture
def copy_of(tmp_path):
    """Return a function that copies an office's database to another place."""

    def copy(here):
        rows = backed_up(here.engine)
        url = f"sqlite:///{tmp_path}/copy.db"
        made = replace(here, erp=Erp(replace(here.erp.settings, database_url=url), "copy"))
        made.erp.save(request_id="creates the tables", account_name="Other")
        restored(made.engine, rows)
        return made

    yield copy
    dispose_engines()


def an_outbox(here):
    """Queue mail in each of its states, with one that was sent before."""
    first = here.send("first", subject="First")
    here.deliver()
    here.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
    doubted = here.send("doubted", subject="Doubted")
    here.deliver()
    waiting = [here.send(f"waiting-{n}", subject=f"Waiting {n}") for n in range(3)]
    later = here.send("later", subject="Later", send_at=here.erp.now() + timedelta(days=2))
    return first, doubted, *waiting, later


def test_a_copy_sends_nothing_before_and_after_it_is_adopted(office, copy_of):
    here = office()
    first, doubted, *waiting, later = an_outbox(here)
    copy = copy_of(here)
    taken = list(here.taken)
    work_for_an_hour(copy)
    assert copy.now(waiting[0]).finding.code == "database_moved"
    assert copy.now(doubted).state is UNCERTAIN
    adopted = adopt(copy, Adopt.COPY)
    assert adopted.cancelled == 5
    work_for_an_hour(copy)
    assert here.taken == taken
    assert [copy.now(each).state for each in (doubted, *waiting, later)] == [
        *(FAILED, CANCELLED, CANCELLED, CANCELLED, CANCELLED)
    ]
    assert copy.now(doubted).finding.code == "database_copied"
    own = copy.send("own", subject="The copy's own")
    work_for_an_hour(copy)
    work_for_an_hour(here)
    assert sorted(here.taken) == sorted(each.message_id for each in (first, doubted, *waiting, own))


def test_without_the_origin_a_copy_sends_everything_twice(office, copy_of, mocker):
    """The control: rows that do not say where they were written."""
    here = office()
    waiting = here.send()
    copy = copy_of(here)
    mocker.patch.object(
        delivering, "origin", return_value=delivering.origin(here.use_cases.context)
    )
    copy.deliver()
    here.deliver()
    assert here.taken == [waiting.message_id] * 2


def test_a_database_that_moved_goes_on_once_it_is_adopted(office, copy_of):
    here = office()
    _, doubted, *waiting, later = an_outbox(here)
    there = copy_of(here)
    there.deliver()
    assert there.now(waiting[0]).reason is WaitReason.PAUSED
    assert adopt(there, Adopt.MOVED).mails == 6
    assert adopt(there, Adopt.MOVED).mails == 0
    work_for_an_hour(there)
    assert [there.now(each).state for each in (doubted, *waiting)] == [SENT] * 4
    assert there.now(later).state is QUEUED
    assert len(set(here.taken)) == len(here.taken) == 5


@pytest.mark.parametrize("sent_since", [0, 2, 3])
def test_a_restored_database_sends_nothing_twice_and_loses_nothing(office, sent_since):
    here = office()
    _, doubted, *waiting, later = an_outbox(here)
    rows = backed_up(here.engine)
    for mail in waiting[sent_since:]:
        here.mail.decide(mail.id, "cancel", WORKER)
    here.deliver()
    here.mail.decide(later.id, "retry_now", WORKER)
    here.deliver()
    assert len(here.taken) == 3 + sent_since
    restored(here.engine, rows)
    assert adopt(here, Adopt.RESTORED).uncertain == 3
    assert here.deliver() == 0
    work_for_an_hour(here)
    release(here.engine)
    age(here.engine, 3 * 86400)
    here.deliver()
    here.deliver()
    assert [here.now(each).state for each in (doubted, *waiting, later)] == [SENT] * 5
    real = [each for each in here.taken if each not in controls(here)]
    assert len(set(real)) == len(real) == 6


def controls(here):
    """The Message-IDs of mails to oneself."""
    query = select(delivery.c.message_id).where(delivery.c.control)
    return {row.message_id for row in here.rows(query)}


@pytest.mark.parametrize("guarded", [True, False], ids=["looked for first", "control"])
def test_a_restored_database_that_nobody_adopted(office, mocker, guarded):
    here = office()
    mail = here.send()
    rows = backed_up(here.engine)
    here.deliver()
    restored(here.engine, rows)
    age(here.engine, 3601)
    if not guarded:
        mocker.patch.object(Forgotten, "look", return_value=0.0)
        mocker.patch.object(Forgotten, "holds", return_value=False)
    here.deliver()
    assert here.now(mail).state is SENT
    assert here.taken == [mail.message_id] * (1 if guarded else 2)


def test_what_waited_long_and_was_not_sent_leaves_after_the_look(office):
    here = office()
    mail = here.send()
    age(here.engine, 3601)
    assert here.deliver() == 1
    steps = [step.name for step in here.now(mail).trail]
    assert steps == ["queued", "not_found", "sent"]


def test_while_the_mailbox_cannot_be_opened_nothing_leaves(office):
    here = office()
    mail = here.send()
    age(here.engine, 3601)
    here.sim.tenant.policies.imap_throttled = 5000
    assert here.deliver() == 0
    assert here.now(mail).state is QUEUED
    here.sim.tenant.policies.imap_throttled = None
    assert here.deliver() == 1


def test_where_imap_is_off_for_good_mail_leaves_all_the_same(office):
    here = office()
    mail = here.send()
    age(here.engine, 3601)
    here.sim.tenant.policies.imap_disabled_for = {"sales@contoso.test"}
    assert here.deliver() == 1
    assert here.now(mail).state is SENT
    assert "look_failed" in [step.name for step in here.now(mail).trail]


def test_a_paused_account_is_not_looked_through(office):
    here = office()
    here.sim.tenant.policies.mailbox_full_for = frozenset({"sales@contoso.test"})
    mail = here.send()
    here.deliver()
    age(here.engine, 3601)
    assert here.deliver() == 0
    here.sim.tenant.policies.mailbox_full_for = frozenset()
    open_paused(here.engine)
    assert here.deliver() == 1
    assert here.now(mail).state is SENT
