"""B5: the folders' dropdowns with suggestions, beside libraries that list the folders only."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count, islice

from support.erp import Erp

from .distance import apart
from .filling import account_id, fill, mailbox, new_token, signed_in
from .mail_peers import LISTS, Place
from .measure import Action, Pairs, Row, in_turn, own_times
from .world import Plan, World

_GOAL = 1.0
#: Seconds: as near as a data centre of Microsoft's may be.
_ROUND_TRIP = 0.02
#: Seconds.
_FIRST_LIST = 600


@contextmanager
def prepared(world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Make the mailboxes; give the measurement."""
    tokens = [new_token(world.sim, mailbox(number)) for number in range(len(plan.folder_sizes))]
    fill(world.erp("folders"), len(tokens), signed_in(world), token=tokens.__getitem__)
    ports = [world.mail.imap_port, world.mail.smtp_port]
    for number, size in enumerate(plan.folder_sizes):
        _make_folders(world, _place(world, ports, number, tokens), size)

    def measure() -> Iterator[Row]:
        yield from rows(ports, 0.0)
        with apart(ports, _ROUND_TRIP) as far:
            yield from rows(far, _ROUND_TRIP)

    def rows(ports: Sequence[int], round_trip: float) -> Iterator[Row]:
        erp = world.erp("folders", imap=f"localhost:{ports[0]}")
        for number, size in enumerate(plan.folder_sizes):
            place = _place(world, ports, number, tokens)
            actions = [partial(_choices, erp, number, size), *_lists(place)]
            mine, *others = in_turn(actions, turns=plan.folder_turns)
            profile = own_times(actions[0])
            yield from _rows(size, round_trip, mine, others, profile)

    yield measure


def _place(world: World, ports: Sequence[int], number: int, tokens: Sequence[str]) -> Place:
    imap, smtp = ports
    return Place(imap, smtp, world.sim.ca_file, mailbox(number), tokens[number])


def _lists(place: Place) -> list[Action]:
    return [partial(listing, place) for listing in LISTS.values()]


def _choices(erp: Erp, number: int, size: int) -> None:
    choices = erp.choices(account_id(number))
    assert len(choices.folders) == size
    assert all(choice.suggested for choice in choices.roles)


def _rows(
    size: int,
    round_trip: float,
    ours: Sequence[float],
    others: Sequence[Sequence[float]],
    profile: dict[str, float],
) -> Iterator[Row]:
    for peer, measured in zip(LISTS, others, strict=True):
        yield Pairs(ours, measured).row(
            bench="B5",
            what=f"choices of {size:,} folders, {round_trip * 1000:.0f} ms away",
            peer=peer,
            goal=_GOAL,
            series=peer if round_trip else "",
            size=size,
            profile=profile,
        )


def _make_folders(world: World, place: Place, size: int) -> None:
    """Let Dovecot make the mailbox, then add folders as it keeps them: directories (Maildir++)."""
    have = LISTS["IMAPClient.list_folders"](place)
    home = world.mail.dovecot.directory / "mail" / place.user / "Maildir"
    owner = home.stat()
    for name in islice(_names(), size - have):
        for part in ("cur", "new", "tmp"):
            (home / name / part).mkdir(parents=True)
        for path in (home / name, *(home / name).iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
    # The first LIST makes Dovecot look into every folder, and takes a minute for 10,000.
    assert LISTS["IMAPClient.list_folders"](replace(place, timeout=_FIRST_LIST)) == size


def _names() -> Iterator[str]:
    """Yield names without end: customers with folders of their own, some of them with umlauts."""
    yield ".Kunden"
    for customer in count():
        parent = f".Kunden.{'B&APY-rse' if customer % 3 else 'Hof'} {customer:04}"
        yield parent
        for number in range(9):
            order = customer * 9 + number
            yield f"{parent}.{'Angebot' if number % 3 else 'Auftr&AOQ-ge'} {order:05}"
