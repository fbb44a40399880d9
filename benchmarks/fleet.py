"""B6: ``accounts test --all`` over many mailboxes far away, beside libraries with as many threads.

One after another takes so long that fewer mailboxes stand for all of them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from salesorder_m365.plugin.connection.fleet import AT_ONCE
from salesorder_m365.plugin.settings.reading import PREFIX

from .distance import apart
from .filling import fill, mailbox, new_token, signed_in
from .mail_peers import Place, imapclient_then_smtplib
from .measure import Pairs, Row
from .world import Plan, World

_ROUND_TRIP = 0.05
_OF_ONE_BY_ONE, _OF_POOL = 1 / 20, 1 / 1.5


@dataclass(frozen=True)
class Cost:
    """What a mailbox took, in seconds: on the clock, and of processors in the client."""

    wall: float
    processor: float


@contextmanager
def prepared(world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Let every mailbox be signed in to once, so that it is there; give the measurement."""
    ports = [world.mail.imap_port, world.mail.smtp_port]
    tokens = [new_token(world.sim, mailbox(number)) for number in range(plan.mailboxes)]
    fill(world.erp("fleet"), len(tokens), signed_in(world), token=tokens.__getitem__)
    places = partial(_places, world, tokens)
    _pool(places(ports))

    def measure() -> Iterator[Row]:
        with apart(ports, _ROUND_TRIP) as far:
            ours = _command(world, far, plan.mailboxes)
            pool = _pool(places(far))
            alone = _one_by_one(places(far)[: plan.mailboxes_in_a_row])
        yield from _rows(plan, ours, alone, pool)

    yield measure


def _places(world: World, tokens: Sequence[str], ports: Sequence[int]) -> list[Place]:
    imap, smtp = ports
    return [
        Place(imap, smtp, world.sim.ca_file, mailbox(number), token)
        for number, token in enumerate(tokens)
    ]


def _command(world: World, ports: Sequence[int], count: int) -> Cost:
    """Run the command as an administrator does, the start of Python included."""
    imap, smtp = ports
    values = world.values("fleet", imap=f"localhost:{imap}", smtp=f"localhost:{smtp}")
    environment = {PREFIX + name.upper(): value for name, value in values.items()}
    words = ("-m", "salesorder_m365.plugin.cli", "accounts", "test", "--all", "--json")
    before, began = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words],
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
    )
    wall, after = time.perf_counter() - began, os.times()
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert json.loads(done.stdout)["summary"]["passed"] == count
    used = after.children_user + after.children_system
    return Cost(wall / count, (used - before.children_user - before.children_system) / count)


def _pool(places: Sequence[Place]) -> Cost:
    """Test with a pool of threads, as many as the command has."""
    began, used = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(imapclient_then_smtplib, places))
    count = len(places)
    return Cost((time.perf_counter() - began) / count, (time.process_time() - used) / count)


def _one_by_one(places: Sequence[Place]) -> Cost:
    began, used = time.perf_counter(), time.process_time()
    for place in places:
        imapclient_then_smtplib(place)
    count = len(places)
    return Cost((time.perf_counter() - began) / count, (time.process_time() - used) / count)


def _rows(plan: Plan, ours: Cost, alone: Cost, pool: Cost) -> Iterator[Row]:
    for peer, theirs, goal in (
        ("IMAPClient, then smtplib, one after another", alone, _OF_ONE_BY_ONE),
        (f"IMAPClient, then smtplib, {AT_ONCE} threads", pool, _OF_POOL),
    ):
        yield Pairs([ours.wall], [theirs.wall]).row(
            bench="B6",
            what=f"accounts test --all, {plan.mailboxes} mailboxes at 50 ms: a mailbox",
            peer=peer,
            goal=goal,
            notes={
                "processor ms a mailbox, ours": ours.processor * 1000,
                f"processor ms a mailbox, {peer}": theirs.processor * 1000,
            },
        )
