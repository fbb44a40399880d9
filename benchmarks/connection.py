"""B4: Test Connection with servers far away, beside libraries and the floor of its round trips."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from .distance import apart
from .filling import account_id, fill, mailbox, new_token, signed_in
from .mail_peers import TESTS, Place
from .measure import Action, Pairs, Row, in_turn
from .world import Plan, World

#: SMTP's, the longer of the two: connect, greeting, EHLO, STARTTLS, TLS, EHLO, AUTH, MAIL FROM.
_FLOOR = 8
_OF_PEER, _OF_FLOOR = 0.5, 1.15


@contextmanager
def prepared(world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Give the measurement."""
    token = new_token(world.sim, mailbox(0))
    base = world.erp("connection")
    fill(base, 1, signed_in(world), token=lambda _: token)

    def ways(ports: list[int]) -> list[Action]:
        imap, smtp = ports
        erp = world.erp("connection", imap=f"localhost:{imap}", smtp=f"localhost:{smtp}")
        place = Place(imap, smtp, world.sim.ca_file, mailbox(0), token)

        def ours() -> None:
            report = erp.test(account_id(0))
            assert report.passed, report.findings

        return [ours, *(partial(test, place) for test in TESTS.values())]

    def measure() -> Iterator[Row]:
        for round_trip in plan.round_trips:
            with apart([world.mail.imap_port, world.mail.smtp_port], round_trip) as ports:
                ours, *others = in_turn(ways(ports), turns=plan.connection_turns)
            yield from _rows(round_trip, ours, dict(zip(TESTS, others, strict=True)))

    yield measure


def _rows(round_trip: float, ours: list[float], others: dict[str, list[float]]) -> Iterator[Row]:
    named = {"bench": "B4", "what": f"Test Connection at {round_trip * 1000:.0f} ms"}
    size = round_trip * 1000
    for peer, measured in others.items():
        yield Pairs(ours, measured).row(**named, peer=peer, goal=_OF_PEER, series=peer, size=size)
    floor = [_FLOOR * round_trip] * len(ours)
    yield Pairs(ours, floor).row(
        **named,
        peer=f"the floor of {_FLOOR} round trips",
        goal=_OF_FLOOR,
        series="floor",
        size=size,
    )
