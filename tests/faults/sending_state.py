"""Faults of the database and the clock: S13 to S17. What cannot be written down is not sent."""

from typing import Any
from unittest.mock import patch

from salesorder_m365.plugin.errors import StoreError
from salesorder_m365.plugin.mail import delivering
from salesorder_m365.plugin.mail.adopting import Adopt
from salesorder_m365.plugin.mail.forgotten import Forgotten
from salesorder_m365.plugin.store.engines import writing
from salesorder_m365.plugin.store.mail_tables import delivery
from salesorder_m365.plugin.store.tables import account
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from support.erp import WORKER
from support.outbox import backed_up, clock, restored

from .bench import Bench
from .registry import SQLITE, Facts, fault
from .sending_ground import SENT_ONCE, Outbox, Stage
from .state_disk import empty_log, on_small_disk


@fault(
    "S13",
    "the database is gone at each commit of a delivery, one after the other",
    expected={"accepted once": True, "sent": True, "commits": "more than five"},
)
def gone_at_each_commit(bench: Bench) -> Facts:
    box = Outbox(bench)
    once, sent, commits = True, True, 0
    for number in range(1, 20):
        mail = box.send()
        with _gone_at(box, number) as broke:
            _try(box.deliver)
        if not broke:
            break
        commits = number
        box.let_leases_pass()
        told = box.end(mail)
        once, sent = once and told["accepted"] == 1, sent and told["state"] == "sent"
    many = "more than five" if commits > 5 else str(commits)
    return {"accepted once": once, "sent": sent, "commits": many}


class _gone_at:  # noqa: N801 - used as a function
    """Let the commit with that number fail, as if the server had gone."""

    def __init__(self, box: Outbox, number: int) -> None:
        self._engine, self._number, self._broke = box.bench.engine, number, []

    def __enter__(self) -> list[bool]:
        self._listener = self._count
        event.listen(self._engine, "commit", self._listener)
        return self._broke

    def _count(self, connection: Any) -> None:
        self._number -= 1
        if self._number == 0:
            self._broke.append(True)
            connection.invalidate()
            raise OperationalError("COMMIT", {}, OSError("the server has gone"))

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "commit", self._listener)


def _try(act: Any) -> str:
    try:
        act()
    except StoreError as err:
        return type(err).__name__
    return "done"


@fault(
    "S14",
    "the disk is full when the mail is to be handed over; then there is room",
    expected={"full": "StoreError", "accepted": 0, "then": SENT_ONCE},
    on=(SQLITE,),
)
def full_disk(first: Bench) -> Facts:
    bench, disk = on_small_disk(first)
    box = Outbox(bench)
    mail = box.send()
    empty_log(bench)
    disk.fill()
    full = _try(box.deliver)
    accepted = box.taken(mail)
    disk.clear()
    box.let_leases_pass()
    return {"full": full, "accepted": accepted, "then": box.end(mail)}


@fault(
    "S15",
    "the clock jumps: {}",
    expected=SENT_ONCE,
    cases={
        "back by ten days, while a mail is held": 10 * 86400.0,
        "ahead by two days, before the second attempt": -2 * 86400.0,
    },
)
def clock_steps(bench: Bench, seconds: float) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    if seconds > 0:
        held = {"state": "sending", "owner": "gone", "attempts": 1, "ready": False}
        with writing(bench.engine) as connection:
            until = clock(bench.engine) + seconds
            row = delivery.update().where(delivery.c.id == mail.id)
            connection.execute(row.values(**held, lease_until=until))
    else:
        box.script(Stage.MAIL, "451 4.7.0 Temporary server error. PRX4")
        box.deliver()
        box.age(-seconds)
    box.deliver()
    return box.told(mail)


@fault(
    "S16",
    "the database is restored from before the mail was sent; {}",
    expected=SENT_ONCE,
    cases={"adopted": True, "nobody adopts it": False},
)
def restored_database(bench: Bench, adopt: bool) -> Facts:
    box = Outbox(bench)
    return _restored(box, adopt=adopt)


@fault(
    "S16",
    "control: the same, not adopted, and nothing is looked for",
    expected={"state": "sent", "accepted": 2},
    on=(SQLITE,),
)
def restored_unguarded(bench: Bench) -> Facts:
    with (
        patch.object(Forgotten, "look", return_value=0.0),
        patch.object(Forgotten, "holds", return_value=False),
    ):
        return _restored(Outbox(bench), adopt=False)


def _restored(box: Outbox, *, adopt: bool) -> Facts:
    mail = box.send()
    rows = backed_up(box.bench.engine)
    box.deliver()
    restored(box.bench.engine, rows)
    if adopt:
        box.use_cases.adoption.adopt(Adopt.RESTORED, WORKER)
    box.age(3601)
    box.look()
    box.deliver()
    return box.told(mail)


@fault(
    "S17",
    "another database wrote the row ({})",
    expected={"before": 0, "after": 0, "state": "cancelled"},
    cases={"a copy that is adopted as one": True},
)
@fault(
    "S17",
    "control: {}",
    expected={"before": 1, "after": 1, "state": "sent"},
    cases={"rows do not say where they were written": False},
    on=(SQLITE,),
)
def copied(bench: Bench, guarded: bool) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    with writing(bench.engine) as connection:
        row = delivery.update().where(delivery.c.id == mail.id)
        connection.execute(row.values(origin="https://production.example.com /erp"))
    if guarded:
        box.deliver()
    else:
        with patch.object(delivering, "origin", return_value="https://production.example.com /erp"):
            box.deliver()
    before = box.taken(mail)
    box.use_cases.adoption.adopt(Adopt.COPY, WORKER)
    box.deliver()
    return {"before": before, "after": box.taken(mail), "state": str(box.now(mail).state)}


@fault(
    "S18",
    "the account is deleted by a version that knows no mail",
    expected={"state": "cancelled", "accepted": 0, "told": True},
)
def deleted_by_the_older(bench: Bench) -> Facts:
    box = Outbox(bench)
    mail = box.send()
    with writing(bench.engine) as connection:
        connection.execute(account.delete().where(account.c.id == box.account))
    box.deliver()
    names = bench.erp.event_names()
    return {**box.told(mail), "told": "mail_cancelled" in names}
