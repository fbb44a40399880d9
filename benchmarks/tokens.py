"""B2: a valid token out of the vault, however many accounts there are, beside MSAL's own caches."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.settings import load_settings
from support.erp import Erp

from . import token_peers
from .crowd import Crowd
from .filling import account_id, context_of, fill, mailbox, shared_cache, signed_in
from .measure import Action, Pairs, Row, in_turn, seconds
from .world import Plan, World

_PEERS = {
    "SerializableTokenCache, read each time": token_peers.file_read_each_time,
    "SerializableTokenCache kept in memory": token_peers.file_kept_in_memory,
    "PersistedTokenCache": token_peers.persisted,
}
#: The first peer is the one that processes can share; the goal speaks of it at this size.
_GOAL_SIZE, _FASTER = 10_000, 1 / 1_000
_GROWTH = 1.5
#: Seconds; what a turn takes at least.
_TURN = 0.05
#: Tokens that each process of a crowd asks for in one turn.
_IN_CROWD = 50


@dataclass(frozen=True)
class Filled:
    """Settings of a database, as text that crosses to other processes, and its accounts."""

    kind: str
    values: str
    count: int


@contextmanager
def prepared(world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Fill the databases and the files; give the measurement."""
    databases = _databases(world, plan)
    files = {count: world.folder / f"cache{count}.json" for count in plan.cache_sizes}
    for count, path in files.items():
        path.write_text(shared_cache(signed_in(world), count))
    sqlite = {filled.count: filled for filled in databases["SQLite"]}
    with Crowd(plan.processes) as crowd:

        def measure() -> Iterator[Row]:
            for filled in databases.values():
                yield from _growth(filled, plan)
                yield from _growth_in_crowd(filled, plan, crowd)
            for count, path in files.items():
                yield from _beside_peers(sqlite[count], path, plan)
            yield _in_crowd_beside_file(sqlite[max(files)], files[max(files)], plan, crowd)

        yield measure


def _databases(world: World, plan: Plan) -> dict[str, list[Filled]]:
    signed = signed_in(world)
    databases: dict[str, list[Filled]] = {"SQLite": [], "PostgreSQL": []}
    for kind, by_size in databases.items():
        for count in plan.token_sizes:
            name = f"tokens{count}"
            place = {"database_url": world.postgres.create(name)} if kind == "PostgreSQL" else {}
            filled = Filled(kind, json.dumps(world.values(name, **place)), count)
            fill(_erp(filled), count, signed)
            by_size.append(filled)
    world.postgres.execute("CHECKPOINT")  # not in the midst of what is measured
    return databases


def _erp(filled: Filled) -> Erp:
    return Erp(load_settings(json.loads(filled.values)), name=f"{filled.kind}-{filled.count}")


@cache
def asker(filled: Filled) -> Action:
    """Return what asks the vault for the token of any account, with all made again as by a hook."""
    erp, choose = _erp(filled), random.Random(1)

    def ask() -> None:
        number = choose.randrange(filled.count)
        assert UseCases(context_of(erp)).vault.token(account_id(number)).secret

    return ask


@cache
def file_asker(filled: Filled, peer: str, path: Path) -> Action:
    """Return what asks a peer for the token of any account."""
    ask = _PEERS[peer](load_settings(json.loads(filled.values)), path)
    choose = random.Random(1)
    return lambda: ask(mailbox(choose.randrange(filled.count)))


def _growth(databases: Sequence[Filled], plan: Plan) -> Iterator[Row]:
    results = in_turn([asker(filled) for filled in databases], turns=plan.token_turns, least=_TURN)
    yield from _growth_rows(databases, results, "1 process")


def _growth_in_crowd(databases: Sequence[Filled], plan: Plan, crowd: Crowd) -> Iterator[Row]:
    results = _crowd_in_turn(
        crowd,
        [(asker, (filled,), _IN_CROWD) for filled in databases],
        turns=max(3, plan.token_turns // 2),
    )
    yield from _growth_rows(databases, results, f"{len(crowd)} processes")


def _growth_rows(
    databases: Sequence[Filled], results: Sequence[Sequence[float]], by: str
) -> Iterator[Row]:
    smallest = databases[0].count
    for filled, measured in zip(databases, results, strict=True):
        if filled is not databases[0]:
            largest = filled is databases[-1]
            yield Pairs(measured, results[0]).row(
                bench="B2",
                what=f"token from {filled.count:,} accounts, {filled.kind}, {by}",
                peer=f"ours with {smallest:,}",
                goal=_GROWTH if largest else None,
                series=f"vault, {filled.kind}, {by}",
                size=filled.count,
                base=smallest,
            )


def _beside_peers(filled: Filled, path: Path, plan: Plan) -> Iterator[Row]:
    peers = [file_asker(filled, peer, path) for peer in _PEERS]
    ours, *others = in_turn([asker(filled), *peers], turns=plan.token_turns, least=_TURN)
    for index, (peer, measured) in enumerate(zip(_PEERS, others, strict=True)):
        yield Pairs(ours, measured).row(
            bench="B2",
            what=f"token from {filled.count:,} accounts, SQLite, 1 process",
            peer=peer,
            goal=_FASTER if index == 0 and filled.count == _GOAL_SIZE else None,
            series=peer,
            size=filled.count,
        )


def _in_crowd_beside_file(filled: Filled, path: Path, plan: Plan, crowd: Crowd) -> Row:
    peer = next(iter(_PEERS))
    works = [(asker, (filled,), _IN_CROWD), (file_asker, (filled, peer, path), 1)]
    ours, theirs = _crowd_in_turn(crowd, works, turns=max(3, plan.token_turns // 5))
    return Pairs(ours, theirs).row(
        bench="B2",
        what=f"token from {filled.count:,} accounts, SQLite, {len(crowd)} processes",
        peer=peer,
        goal=_FASTER if filled.count == _GOAL_SIZE else None,
    )


Work = tuple[Callable[..., Action], tuple[object, ...], int]


def _crowd_in_turn(crowd: Crowd, works: Sequence[Work], *, turns: int) -> list[list[float]]:
    """Measure as `in_turn` does, with every process of the crowd at it at the same time."""

    def at_once(work: Work) -> float:
        return sum(crowd.each(_timed, [work] * len(crowd))) / len(crowd)

    for work in works:
        at_once(work)
    results: list[list[float]] = [[] for _ in works]
    for _ in range(turns):
        for measured, work in zip(results, works, strict=True):
            measured.append(at_once(work))
    return results


def _timed(make: Callable[..., Action], arguments: tuple[object, ...], number: int) -> float:
    return seconds(make(*arguments), number)
