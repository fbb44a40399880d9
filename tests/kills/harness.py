"""Send many mails while the workers are killed at random, and count what became of each.

The truth is the simulator's own list of what it accepted. Replies are lost, connections are cut
before acceptance, and copies reach Sent Items late. All times are scaled by one factor.
"""

import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace

from kills.worker import PRELOADED, work
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.store import outbox
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading
from salesorder_m365.plugin.store.mail_tables import delivery
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.mail_settings import MailSettings, MailTimes
from salesorder_m365.schemas.outgoing import Address, OutgoingMail
from salesorder_m365.simulator.mail.smtp.faults import SmtpFault, Stage
from salesorder_m365.simulator.simulator import Simulator
from salesorder_m365.testing.places import settings_for
from sqlalchemy import func, select
from support.erp import WORKER, Erp

NAME = "kills"
#: The people of the simulated tenant through whose accounts mail leaves.
SENDERS = ("sales@contoso.test", "purchasing@contoso.test", "admin@contoso.test")
WORKERS = 3
#: 10 minutes become 6 seconds.
FACTOR = 0.01
#: Of a hundred replies: lost after acceptance, cut before it.
LOST, CUT = 3, 2
#: Seconds between acceptance and reply at most: workers are killed while they wait for it.
SLOWEST = 0.15
#: Mails that wait at once: few, so that workers are killed while they work.
_AHEAD = 6
_OPEN = ("queued", "sending", "uncertain")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a run's mails."""

    messages: int
    kills: int
    seconds: float
    #: Mails that the server accepted more than once; the copies beyond the first.
    duplicates: int
    #: Said to be sent, but never accepted.
    invented: int
    #: Accepted or not, but neither sent nor open nor left to a person.
    lost: int
    #: Still uncertain at the end.
    left: int
    states: Counter
    sent_again: int
    found: int

    def __str__(self):
        return (
            f"{self.messages} messages, {self.kills} SIGKILLs, {self.seconds:.0f} s:"
            f" duplicates {self.duplicates}, said sent but not accepted {self.invented},"
            f" lost {self.lost}, left to a person {self.left};"
            f" {dict(self.states)}, found in Sent {self.found}, sent again {self.sent_again}"
        )


def run(folder, messages, kills, *, database_url=None, guarded=True, seed=1, seconds=900):
    """Run once; `guarded` False takes the point of no return out, as a control."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    with Simulator() as sim:
        settings = settings_for(
            sim, folder, **({"database_url": database_url} if database_url else {})
        )
        table = replace(
            MailTimes().scaled(FACTOR),
            # What real processes and sockets need does not become shorter.
            reply_in_job=4.0,
            lease_margin=0.5,
            transfer=20.0,
            prepare_lease=1.5,
            work_lease=1.5,
            write_lease=30.0,
            connection_lease=2.0,
            place_wait=0.05,
        )
        mail = MailSettings(times=table, connections=6, messages_per_minute=1000)
        settings = replace(settings, mail=mail)
        # Copies come late, but sooner than the times scaled down allow for.
        sim.tenant.policies.sent_copy_seconds = 1
        try:
            return _Run(context, sim, settings, random.Random(seed), guarded).play(
                messages, kills, seconds
            )
        finally:
            dispose_engines()


class _Run:
    def __init__(self, context, sim, settings, rng, guarded):
        self.processes, self.sim, self.settings = context, sim, settings
        self.rng, self.guarded = rng, guarded
        self.erp = Erp(settings, NAME)
        self.mail = UseCases(Context(self.erp, lambda event: None)).mail
        self.accounts = [
            self.erp.connected(
                sim,
                account_name=sender,
                sender_email=sender,
                username=sender,
                request_id=sender,
            )
            for sender in SENDERS
        ]
        self.workers = []
        self.killed = self.queued = 0

    def play(self, messages, kills, seconds):
        began = time.monotonic()
        try:
            while self._goes_on(messages, kills) and time.monotonic() - began < seconds:
                self._keep_working()
                self._queue(messages)
                time.sleep(0.02 + self.rng.random() * 0.1)
                if self.killed < kills:
                    self._kill()
        finally:
            for worker in self.workers:
                worker.kill()
                worker.join()
        return self._counted(time.monotonic() - began)

    def _goes_on(self, messages, kills):
        return self.queued < messages or self.killed < kills or self._open()

    def _open(self):
        engine = engine_for(NAME, self.settings.database_url)
        with reading(engine) as connection:
            query = select(func.count()).where(delivery.c.state.in_(_OPEN))
            return connection.scalar(query)

    def _keep_working(self):
        self.workers = [worker for worker in self.workers if worker.is_alive()]
        while len(self.workers) < WORKERS:
            worker = self.processes.Process(
                target=work, args=(self.settings, NAME, self.guarded), daemon=True
            )
            worker.start()
            self.workers.append(worker)

    def _kill(self):
        worker = self.rng.choice(self.workers)
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
        worker.join()
        self.killed += 1

    def _queue(self, messages):
        for _ in range(min(messages - self.queued, max(0, _AHEAD - self._open()))):
            self._script()
            request = f"mail-{self.queued}"
            message = OutgoingMail(
                to=(Address("buyer@fabrikam.example.com"),),
                subject=f"Quote {self.queued}",
                text="Our quote.\n" * self.rng.choice((1, 100, 30_000)),
                document=request,
            )
            account = self.accounts[self.queued % len(self.accounts)]
            self.mail.send(account, message, WORKER, request, 0.0)
            self.queued += 1

    def _script(self):
        """Let some replies be lost, some connections be cut, and all others take their time."""
        chance = self.rng.random() * 100
        if chance < LOST:
            self.sim.smtp_faults.add(SmtpFault(Stage.END_OF_DATA, ending="drop"))
        elif chance < LOST + CUT:
            cut = SmtpFault(Stage.END_OF_DATA, ending="drop", carried_out=False)
            self.sim.smtp_faults.add(cut)
        else:
            slow = SmtpFault(Stage.END_OF_DATA, delay=self.rng.random() * SLOWEST)
            self.sim.smtp_faults.add(slow)

    def _counted(self, seconds):
        accepted = Counter(each.message_id for each in self.sim.tenant.submissions)
        engine = engine_for(NAME, self.settings.database_url)
        with reading(engine) as connection:
            rows = connection.execute(select(delivery).where(~delivery.c.control)).all()
            steps = Counter(
                step.name for row in rows for step in outbox.read_trail(connection, row.id)
            )
        sent = {row.message_id for row in rows if row.state == "sent"}
        states = Counter(row.state for row in rows)
        settled = {row.message_id for row in rows if row.state in (*_OPEN, "sent")}
        return Result(
            messages=len(rows),
            kills=self.killed,
            seconds=seconds,
            duplicates=sum(count - 1 for count in accepted.values()),
            invented=len(sent - accepted.keys()),
            lost=len(rows) - len(settled),
            left=states["uncertain"],
            states=states,
            sent_again=steps["send_again"],
            found=steps["found"],
        )
