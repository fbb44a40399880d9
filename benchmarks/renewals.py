"""B3: renewing expired grants in many processes, over the bare exchange with the token endpoint.

The bare exchange is the same POST over a connection that stays open, its answer thrown away.
"""

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import requests
from msal_extensions import FilePersistence, PersistedTokenCache
from msal_extensions.filelock import LockError
from salesorder_m365.plugin.store.engines import writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.settings import Settings, load_settings
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES
from sqlalchemy import update
from support.erp import Erp

from .crowd import Crowd
from .filling import Signed, account_id, context_of, fill, mailbox, shared_cache, signed_in
from .measure import Kind, Pairs, Row, counted, own_times
from .token_peers import Registered
from .world import Plan, World

_MILLISECONDS = 2.0
#: Of msal-extensions' renewals one takes so long that fewer must do.
_FEWER = 10
#: Renewals that are profiled.
_PROFILED = 30
#: How often, and after how many seconds, a shared file is looked at again.
_LOOKS, _LOOK_SECONDS = 500, 0.02


@dataclass(frozen=True)
class Job:
    """What a process needs to know; all of it crosses to it as text."""

    values: str
    refresh_token: str
    cache: str

    @property
    def settings(self) -> Settings:
        """The settings."""
        return load_settings(json.loads(self.values))


@contextmanager
def prepared(world: World, plan: Plan) -> Iterator[Callable[[], Iterator[Row]]]:
    """Fill the databases; give the measurement."""
    signed = signed_in(world, lengthened=False)
    places = {"SQLite": {}, "PostgreSQL": {"database_url": world.postgres.create("renewals")}}
    jobs = {kind: _job(world, signed, place, plan) for kind, place in places.items()}
    with Crowd(plan.processes) as crowd:
        for job in jobs.values():
            fill(_erp(job), plan.grants, signed, expired=True)
            crowd.each(_warm, [(job,)] * len(crowd))

        def measure() -> Iterator[Row]:
            for kind, job in jobs.items():
                _expire(job)
                yield from _overhead(kind, job, plan, crowd)
                _expire(job)
                yield _posts(world, kind, job, plan, crowd)
            Path(job.cache).write_text(shared_cache(signed, plan.grants, expired=True))
            yield from _by_msal(jobs["SQLite"], plan, crowd)

        yield measure


def _job(world: World, signed: Signed, place: dict[str, str], plan: Plan) -> Job:
    (entry,) = json.loads(signed.cache)["RefreshToken"].values()
    values = json.dumps(world.values("renewals", **place))
    return Job(values, entry["secret"], str(world.folder / "renewals.json"))


@cache
def _erp(job: Job) -> Erp:
    return Erp(job.settings, name="renewals" + job.settings.database_url)


def _expire(job: Job) -> None:
    with writing(context_of(_erp(job)).engine) as connection:
        connection.execute(update(grant).values(expires_at=1))


def _warm(job: Job) -> None:
    """Import and connect, so that the first one measured does not."""
    use_cases = UseCases(context_of(_erp(job)))
    use_cases.vault.identity().issuer()
    assert use_cases.context.engine
    _exchange(job, 1)


def _renew(job: Job, numbers: Sequence[int]) -> None:
    use_cases = UseCases(context_of(_erp(job)))
    for number in numbers:
        assert use_cases.vault.token(account_id(number)).secret


@cache
def _session(job: Job) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # else REQUESTS_CA_BUNDLE goes before what is set here
    session.verify = str(job.settings.ca_file)
    return session


def _exchange(job: Job, times: int) -> None:
    settings = job.settings
    form = {
        "client_id": settings.client_id,
        "client_secret": settings.client_secret,
        "grant_type": "refresh_token",
        "refresh_token": job.refresh_token,
        "scope": " ".join((*MAIL_SCOPES, "offline_access", "openid", "profile")),
        "client_info": "1",
    }
    url = f"{settings.authority}/{settings.tenant}/oauth2/v2.0/token"
    for _ in range(times):
        assert _session(job).post(url, data=form).json()["access_token"]


@cache
def _application(job: Job) -> Any:
    return Registered(job.settings).application(PersistedTokenCache(FilePersistence(job.cache)))


def _renew_by_msal(job: Job, numbers: Sequence[int]) -> None:
    application = _application(job)
    for number in numbers:
        # Who reads the file while another process writes it may find no account in it.
        for _ in range(_LOOKS):
            if found := application.get_accounts(username=mailbox(number)):
                break
            time.sleep(_LOOK_SECONDS)
        for _ in range(_LOOKS):
            if _is_renewed(application, found[0]):
                break


def _is_renewed(application: Any, account: dict[str, Any]) -> bool:
    try:
        answer = application.acquire_token_silent(list(MAIL_SCOPES), account)
    except LockError:  # given up after five seconds, while seven others take their turns
        return False
    return bool(answer and answer["access_token"])


def _overhead(kind: str, job: Job, plan: Plan, crowd: Crowd) -> Iterator[Row]:
    ours, bare = [], []
    for first in range(0, plan.grants, plan.grants_at_a_time):
        numbers = range(first, first + plan.grants_at_a_time)
        ours.append(_a_grant(crowd, _renew, job, _dealt(numbers, crowd), len(numbers)))
        times = [len(part) for part in _dealt(numbers, crowd)]
        bare.append(_a_grant(crowd, _exchange, job, times, len(numbers)))
    _expire(job)
    _warm(job)
    _renew(job, [0])
    profile = own_times(partial(_renew, job, range(1, 1 + _PROFILED)))
    yield Pairs(ours, bare).row(
        bench="B3",
        what=f"renewing {plan.grants:,} grants, {kind}, {len(crowd)} processes: a grant",
        peer="the bare HTTP exchange",
        kind=Kind.DIFFERENCE,
        goal=_MILLISECONDS,
        profile={name: own / _PROFILED for name, own in profile.items()},
    )


def _by_msal(job: Job, plan: Plan, crowd: Crowd) -> Iterator[Row]:
    size = plan.grants_at_a_time // _FEWER
    ours, theirs = [], []
    _expire(job)
    for first in range(0, size * 3, size):
        dealt = _dealt(range(first, first + size), crowd)
        ours.append(_a_grant(crowd, _renew, job, dealt, size))
        theirs.append(_a_grant(crowd, _renew_by_msal, job, dealt, size))
    yield Pairs(ours, theirs).row(
        bench="B3",
        what=f"renewing some of {plan.grants:,} grants, SQLite, {len(crowd)} processes: a grant",
        peer="msal with PersistedTokenCache",
    )


def _posts(world: World, kind: str, job: Job, plan: Plan, crowd: Crowd) -> Row:
    """Let every process ask for every token, each in an order of its own."""
    orders = [random.sample(range(plan.grants), plan.grants) for _ in range(len(crowd))]
    before = world.sim.count(grant_type="refresh_token")
    crowd.each(_renew, [(job, order) for order in orders])
    posts = world.sim.count(grant_type="refresh_token") - before
    return counted(
        posts / plan.grants,
        bench="B3",
        what=f"renewals a grant, each of {len(crowd)} processes asking for all, {kind}",
        goal=1.0,
    )


def _dealt(numbers: Sequence[int], crowd: Crowd) -> list[Sequence[int]]:
    return [numbers[first :: len(crowd)] for first in range(len(crowd))]


def _a_grant(
    crowd: Crowd, work: Callable[[Job, Any], None], job: Job, parts: Sequence[Any], count: int
) -> float:
    """Return the seconds that passed for one grant while all processes were at it."""
    began = time.perf_counter()
    crowd.each(work, [(job, part) for part in parts])
    return (time.perf_counter() - began) / count
