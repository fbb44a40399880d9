"""Faults of the way back from Microsoft, C1 to C7."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .bench import SALES, Bench, Call, digest
from .registry import fault

REDEEM = "authorization_code"
OTHER_TENANT = "11111111-2222-4333-8444-555555555555"


def draft(bench: Bench) -> str:
    """Return a new account that nobody has signed in."""
    name = digest(str(time.monotonic_ns()))
    account: str = bench.erp.save(request_id=name, account_name=name, sender_email=SALES).id
    return account


def query_of(bench: Bench, account: str, user: str = SALES, **begin: Any) -> dict[str, str]:
    """Go to Microsoft's pages and return what the callback would get."""
    return bench.sim.sign_in(bench.erp.begin(account, **begin).url, user)


def seen(bench: Bench, account: str, *outcomes: Any) -> dict[str, Any]:
    """Return what became of it all."""
    return {
        "outcome": ", ".join(str(outcome.code) for outcome in outcomes),
        "token requests": bench.sim.count(grant_type=REDEEM),
        "account": str(bench.erp.view(account).state),
    }


@fault(
    "C1",
    "the same callback twice, one after the other",
    expected={"outcome": "connected, connected", "token requests": 1, "account": "connected"},
)
def replay(bench: Bench) -> Mapping[str, Any]:
    account = draft(bench)
    query = query_of(bench, account)
    return seen(bench, account, bench.erp.finish(query), bench.erp.finish(query))


@fault(
    "C1",
    "the same callback six times at once",
    expected={
        "outcome": ", ".join(["connected"] * 6),
        "token requests": 1,
        "account": "connected",
    },
)
def parallel_replay(bench: Bench) -> Mapping[str, Any]:
    account = draft(bench)
    query = query_of(bench, account)
    calls = [Call(lambda: bench.host().finish(query)) for _ in range(6)]
    outcomes = sorted((call.result() for call in calls), key=lambda outcome: outcome.code)
    return seen(bench, account, *outcomes)


@fault(
    "C2",
    "the callback comes to another worker process",
    expected={"outcome": "connected", "token requests": 1, "account": "connected"},
)
def other_process(bench: Bench) -> Mapping[str, Any]:
    account = draft(bench)
    report = bench.worker(do="finish", query=query_of(bench, account)).report()
    return {**seen(bench, account), "outcome": report["kind"]}


@fault(
    "C3",
    "the callback comes from another {}",
    expected={
        "outcome": "expired",
        "token requests": 0,
        "account": "draft",
        "then the right one": "connected",
    },
    cases={
        "browser": {"browser": "another-browser-altogether"},
        "worker": {"worker": "worker-2"},
    },
)
def other_browser(bench: Bench, finish: dict[str, str]) -> Mapping[str, Any]:
    account = draft(bench)
    query = query_of(bench, account)
    facts = seen(bench, account, bench.erp.finish(query, **finish))
    return {**facts, "then the right one": str(bench.erp.finish(query).code)}


@fault(
    "C4",
    "two tabs, {}",
    expected={
        "outcome": "connected, connected",
        "token requests": 2,
        "account": "connected",
        "token": "valid",
    },
    cases={
        "one after the other": lambda calls: [call() for call in calls],
        "at once": lambda calls: [call.result() for call in [Call(call) for call in calls]],
    },
)
def two_tabs(
    bench: Bench, run: Callable[[list[Callable[[], Any]]], list[Any]]
) -> Mapping[str, Any]:
    account = draft(bench)
    queries = [query_of(bench, account), query_of(bench, account)]
    calls = [lambda query=query: bench.host().finish(query) for query in queries]
    facts = seen(bench, account, *run(calls))  # type: ignore[arg-type] - the default binds
    bench.account = account  # type: ignore[misc] - the bench goes on with this one
    return {**facts, "token": "valid" if bench.ask().kind == "token" else "LOST"}


@fault(
    "C4",
    "two tabs of a connected account at once, a renewal under way, 5 times",
    expected={"outcomes": "connected", "answers": "token", "token": "of the last sign-in"},
)
def two_tabs_and_a_renewal(bench: Bench) -> Mapping[str, Any]:
    outcomes, answers, ends = set(), set(), set()
    for _ in range(5):
        queries = [query_of(bench, bench.account) for _ in range(2)]
        bench.expire()
        calls = [bench.asking(bench.host())]
        calls += [Call(lambda query=query: bench.host().finish(query)) for query in queries]
        answer, *finished = [call.result() for call in calls]
        outcomes |= {str(outcome.code) for outcome in finished}
        answers.add(answer.kind)
        row = bench.row()
        ends.add("of the last sign-in" if row.expires_at > row.read_at else "STALE")
    facts = {"outcomes": outcomes, "answers": answers, "token": ends}
    return {name: ", ".join(sorted(values)) for name, values in facts.items()}


@fault(
    "C5",
    "the callback comes after {}",
    expected={"outcome": "expired", "token requests": 0, "account": "draft"},
    cases={"11 minutes": timedelta(minutes=11), "2 days": timedelta(days=2)},
)
def late(bench: Bench, later: timedelta) -> Mapping[str, Any]:
    account = draft(bench)
    query = query_of(bench, account)
    host = bench.host()
    host.later = later
    return seen(bench, account, host.finish(query))


@fault(
    "C6",
    "access_denied: the worker presses Cancel on {}",
    expected={"outcome": "declined", "token requests": 0, "account": "unchanged"},
    cases={"a draft": draft, "a connected account": lambda bench: bench.account},
)
def declined(bench: Bench, account_of: Callable[[Bench], str]) -> Mapping[str, Any]:
    account = account_of(bench)
    bench.sim.tenant.withdraw_consent()
    before, redeemed = bench.erp.view(account).state, bench.sim.count(grant_type=REDEEM)
    outcome = bench.erp.sign_in(bench.sim, account, consent=False)
    after = bench.erp.view(account).state
    return {
        "outcome": str(outcome.code),
        "token requests": bench.sim.count(grant_type=REDEEM) - redeemed,
        "account": "unchanged" if after == before else f"{before} became {after}",
    }


@fault(
    "C7",
    "somebody else of the tenant signs in",
    expected={"outcome": "wrong_user", "token requests": 1, "account": "draft"},
)
def wrong_account(bench: Bench) -> Mapping[str, Any]:
    account = draft(bench)
    query = query_of(bench, account, "purchasing@contoso.test")
    return seen(bench, account, bench.erp.finish(query))


@fault(
    "C7",
    "somebody else signs in to a connected account",
    expected={"outcome": "wrong_user", "grant": "unchanged", "then": "token"},
)
def wrong_account_again(bench: Bench) -> Mapping[str, Any]:
    assert bench.account
    kept = bench.kept()
    outcome = bench.erp.sign_in(bench.sim, bench.account, "purchasing@contoso.test")
    return {
        "outcome": str(outcome.code),
        "grant": "unchanged" if bench.kept() == kept else "CHANGED",
        "then": bench.ask().kind,
    }


@fault(
    "C7",
    "the id token is of another {}",
    expected={"outcome": "refused", "token requests": 1, "account": "draft"},
    cases={
        "tenant": {"tid": OTHER_TENANT},
        "issuer": {"iss": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"},
        "registration": {"aud": OTHER_TENANT},
        "sign-in (nonce)": {"nonce": "another"},
    },
)
def foreign_token(bench: Bench, changed: dict[str, str]) -> Mapping[str, Any]:
    account = draft(bench)
    url = bench.erp.begin(account).url
    query = bench.sim.sign_in(url, SALES)
    bench.script(grant_type=REDEEM, status=200, body=_answer(bench, url, changed))
    return seen(bench, account, bench.erp.finish(query))


def _answer(bench: Bench, url: str, changed: dict[str, str]) -> dict[str, Any]:
    """Return a token response as the tenant would give it, but for the changed claims."""
    sim, now = bench.sim, int(time.time())
    person = sim.tenant.people[SALES]
    claims = {
        "aud": sim.registration.client_id,
        "iss": f"{sim.authority}/{sim.tenant.id}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "nonce": parse_qs(urlsplit(url).query)["nonce"][0],
        "oid": person.oid,
        "preferred_username": SALES,
        "sub": "s",
        "tid": sim.tenant.id,
        "ver": "2.0",
    }
    return {
        "access_token": sim.new_token(SALES),
        "refresh_token": "1.scripted",
        "expires_in": 3600,
        "token_type": "Bearer",
        "id_token": sim.signing_key.sign(claims | changed),
    }
