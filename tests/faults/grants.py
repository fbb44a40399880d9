"""What ends a grant and what does not, C1 to C5; whose misfortune it is; what clocks do to it."""

from collections.abc import Mapping
from typing import Any

from salesorder_m365.plugin.errors import MailError
from salesorder_m365.plugin.store.engines import writing
from salesorder_m365.plugin.store.tables import account, grant
from salesorder_m365.schemas.permission import SYSTEM

from .bench import Bench, Call, digest
from .registry import fault

DAY = 24 * 3600
_MANY = 30


def connected(bench: Bench, count: int) -> list[str]:
    """Return so many new accounts that are signed in, alone in the database."""
    with writing(bench.engine) as connection:
        connection.execute(account.delete())
    return [bench.connected(bench.erp) for _ in range(count)]


def change(bench: Bench, *ids: str, left: int | None = None, **values: Any) -> None:
    """Change the grants of these accounts, of all without ids; `left` is their tokens' life."""
    statement = grant.update()
    if ids:
        statement = statement.where(grant.c.account_id.in_(ids))
    if left is not None:
        bench.account = (ids or connected_ids(bench))[0]  # type: ignore[misc] - any will do
        values["expires_at"] = int(bench.row().read_at) + left
    with writing(bench.engine) as connection:
        connection.execute(statement.values(**values))


def connected_ids(bench: Bench) -> list[str]:
    """Return the accounts with a grant."""
    with writing(bench.engine) as connection:
        return list(connection.scalars(grant.select().with_only_columns(grant.c.account_id)))


def asked(bench: Bench, ids: list[str]) -> list[str]:
    """Ask for each account's token; return what came, as `Bench.ask` has it."""
    kinds = []
    for bench.account in ids:  # type: ignore[misc] - one after the other
        kinds.append(bench.ask().kind)
    return kinds


def kept_alive(bench: Bench) -> str:
    """Run the job; return its figures."""
    report = bench.erp.hook.salesorder_job_run(
        host=bench.erp, name="m365:keep_alive", worker=SYSTEM
    )
    return f"{report.done} renewed, {report.failed} not, {report.left} left"


def need_a_sign_in(bench: Bench, ids: list[str]) -> int:
    """Return how many accounts need one."""
    return sum(bench.erp.view(id_).state == "sign_in_needed" for id_ in ids)


# C1 ----------------------------------------------------------------------------------------------

ANSWERS = {
    "a gateway answers 403": {"status": 403, "error": "access_blocked"},
    "the resource is wrong (invalid_resource)": {"error": "invalid_resource", "aadsts": 500011},
    "the scope is wrong (invalid_scope)": {"error": "invalid_scope", "aadsts": 70011},
    "the request is malformed (invalid_request)": {"error": "invalid_request", "aadsts": 900144},
    "Microsoft sees a loop (50196)": {"error": "invalid_grant", "aadsts": 50196},
    "Microsoft is busy (90033)": {"error": "invalid_grant", "aadsts": 90033},
}


@fault(
    "C1",
    f"{_MANY} accounts while for a minute {{}}",
    expected={
        "good tokens": f"{_MANY} serve",
        "without": "0 tokens",
        "keep_alive": f"0 renewed, {_MANY} not, 0 left",
        "need a sign-in": 0,
        "a minute later": f"{_MANY} tokens",
    },
    cases=ANSWERS,
)
def passing_minute(bench: Bench, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    ids = connected(bench, _MANY)
    change(bench, left=100)
    bench.script(times=10_000, **answer)
    serve = asked(bench, ids).count("token")
    change(bench, left=-1, not_before=0)
    without = asked(bench, ids).count("token")
    change(bench, left=-70 * DAY, not_before=0)
    job = kept_alive(bench)
    needy = need_a_sign_in(bench, ids)
    bench.sim.faults.clear()
    change(bench, not_before=0)
    return {
        "good tokens": f"{serve} serve",
        "without": f"{without} tokens",
        "keep_alive": job,
        "need a sign-in": needy,
        "a minute later": f"{asked(bench, ids).count('token')} tokens",
    }


@fault(
    "C1",
    "a refusal that an administrator mends heals {}",
    expected={"at once": "SignInNeededError", "POSTs": 0, "then": "token", "account": "connected"},
    cases={"with the next test": {"pressed": True}, "a day later": {}},
)
def mended(bench: Bench, how: Mapping[str, Any]) -> Mapping[str, Any]:
    bench.expire()
    bench.script(error="interaction_required", aadsts=53003)
    bench.ask()
    bench.sim.requests.clear()
    at_once, posts = bench.ask().kind, bench.posts
    if not how:
        bench.set_row(tried_at=bench.row().read_at - DAY - 1)
    then = bench.vault().token(bench.account, **how)
    return {
        "at once": at_once,
        "POSTs": posts,
        "then": "token" if digest(then.secret) == bench.stored() else "ANOTHER",
        "account": str(bench.erp.view(bench.account).state),
    }


# C2 ----------------------------------------------------------------------------------------------


@fault(
    "C2",
    "20 calls for folders while the server refuses every token",
    expected={"calls": "20 times imap_refused", "POSTs": 1},
)
def refused_by_mail(bench: Bench) -> Mapping[str, Any]:
    bench.set_row(obtained_at=bench.row().read_at - 600)
    bench.sim.tenant.policies.imap_auth_reply = "NO AUTHENTICATE failed."
    codes = []
    for _ in range(20):
        try:
            bench.erp.choices(bench.account)
        except MailError as err:
            codes.append(err.code)
    return {"calls": f"{len(codes)} times {', '.join(sorted(set(codes)))}", "POSTs": bench.posts}


# C3 ----------------------------------------------------------------------------------------------

_ORDER = "in front are those that have waited longest"


@fault(
    "C3",
    "keep_alive with 1 unreadable, 1 disabled and 3 unintelligible accounts in front of 10",
    expected={
        "first run": "10 renewed, 5 not, 0 left",
        "need a sign-in": 1,
        "the next day": _ORDER,
    },
)
def misfortune(bench: Bench) -> Mapping[str, Any]:
    ids = connected(bench, 15)
    for number, id_ in enumerate(ids):
        change(bench, id_, left=-(90 * DAY) + number)
    change(bench, ids[0], msal_cache=b"\x01" * 60, access_token=b"\x01" * 60)
    bench.script(error="invalid_grant", aadsts=50057)
    bench.script(status=200, body=b"[[[", times=3)
    first = kept_alive(bench)
    needy = need_a_sign_in(bench, ids)
    # A day later another account has been unused for long enough: is it behind the broken ones?
    change(bench, not_before=0)
    change(bench, ids[-1], left=-61 * DAY, tried_at=None)
    bench.script(status=503)  # meets the one in front
    kept_alive(bench)
    bench.account = ids[-1]  # type: ignore[misc] - of this one
    in_front = (bench.row().wait_reason or {}).get("reason") == "status 503"
    return {
        "first run": first,
        "need a sign-in": needy,
        "the next day": _ORDER if in_front else "THE BROKEN ONES ARE IN FRONT",
    }


# C4 ----------------------------------------------------------------------------------------------


@fault(
    "C4",
    "the database's clock is set back an hour {}",
    expected={"answer": "token", "POSTs": 1},
    cases={
        "while a dead worker holds the lease": {"lease_owner": "dead", "lease_until": 3630},
        "after a fault of 5 s": {"not_before": 3605, "wait_set_at": 3600},
    },
)
def set_back(bench: Bench, seconds: Mapping[str, Any]) -> Mapping[str, Any]:
    bench.expire()
    now = bench.row().read_at
    at = {name: now + each if isinstance(each, int) else each for name, each in seconds.items()}
    bench.set_row(**at)
    return {"answer": bench.ask().kind, "POSTs": bench.posts}


# C5 ----------------------------------------------------------------------------------------------


@fault(
    "C5",
    "a worker's pause is longer than its lease; meanwhile another one {}",
    expected={"it gets": "its token", "stored": "its token", "account": "connected"},
    cases={
        "learned that the grant is refused": {"error": "invalid_grant", "aadsts": 70000},
        "met a fault that passes": {"status": 503},
    },
)
def late(bench: Bench, meanwhile: Mapping[str, Any]) -> Mapping[str, Any]:
    bench.expire()
    bench.script(passes=True, delay=0.6)
    bench.script(**meanwhile)
    call: Call = bench.asking()
    bench.await_posts(1)
    bench.let_lease_pass()
    bench.ask(bench.host())
    token = call.result().token
    return {
        "it gets": "its token" if token else call.result().kind,
        "stored": "its token" if token == bench.stored() else "ANOTHER",
        "account": str(bench.erp.view(bench.account).state),
    }
