"""What the token endpoint refuses for good, T6 to T9, and what only seems so."""

import json
from collections.abc import Mapping
from typing import Any

from .bench import Bench
from .registry import fault
from .token_passing import passing


def refused_for_good(bench: Bench, **scripted: Any) -> dict[str, Any]:
    """Let the endpoint refuse while 4 workers ask, then ask again."""
    bench.expire()
    sealed = bench.row().msal_cache
    bench.script(delay=0.3, times=9, **scripted)
    calls = [bench.asking(bench.host()) for _ in range(4)]
    kinds = {call.result().kind for call in calls}
    again = bench.ask().kind
    posts, view = bench.posts, bench.erp.view(bench.account)
    row_kept = bench.row().msal_cache == sealed
    bench.sim.faults.clear()
    healed = bench.erp.sign_in(bench.sim, bench.account).code
    return {
        "4 workers": ", ".join(sorted(kinds)),
        "again": again,
        "POSTs": posts,
        "account": str(view.state),
        "row": "kept" if row_kept else "CHANGED",
        "sign-in": str(healed),
    }


FINAL = {
    "4 workers": "SignInNeededError",
    "again": "SignInNeededError",
    "POSTs": 1,
    "account": "sign_in_needed",
    "row": "kept",
    "sign-in": "connected",
}


@fault("T6", "invalid_grant, {}", expected=FINAL, cases={"revoked": 50173, "expired": 700082})
def invalid_grant(bench: Bench, aadsts: int) -> Mapping[str, Any]:
    return refused_for_good(bench, aadsts=aadsts)


@fault("T6", "sessions revoked at Microsoft", expected={**FINAL, "sign-in": "connected"})
def revoked(bench: Bench) -> Mapping[str, Any]:
    assert bench.account
    bench.sim.tenant.revoke_grants("sales@contoso.test")
    return refused_for_good(bench, passes=True)


@fault(
    "T7",
    "invalid_grant for the old grant while a new sign-in is stored",
    expected={"answer": "token", "it is": "the newer", "POSTs": 1, "account": "connected"},
)
def raced_by_sign_in(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(aadsts=50173, delay=0.6)
    call = bench.asking()
    bench.await_posts(1)
    bench.erp.sign_in(bench.sim, bench.account)
    return _race_won(bench, call)


@fault(
    "T7",
    "invalid_grant after the lease ran out; another worker renewed",
    expected={"answer": "token", "it is": "the newer", "POSTs": 2, "account": "connected"},
)
def raced_by_worker(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(aadsts=70000, delay=0.5)
    call = bench.asking()
    bench.await_posts(1)
    bench.let_lease_pass()
    assert bench.ask(bench.host()).kind == "token"
    return _race_won(bench, call)


@fault(
    "T7",
    "invalid_grant after the lease ran out; another worker is still renewing",
    expected={"answer": "token", "it is": "the newer", "POSTs": 2, "account": "connected"},
)
def raced_by_slow_worker(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(aadsts=70000, delay=0.5)
    bench.script(passes=True, delay=0.9)
    call = bench.asking()
    bench.await_posts(1)
    bench.let_lease_pass()
    other = bench.asking(bench.host())
    seen = _race_won(bench, call)
    other.result()
    return seen


def _race_won(bench: Bench, call: Any) -> dict[str, Any]:
    answer = call.result()
    return {
        "answer": answer.kind,
        "it is": "the newer" if answer.token == bench.stored() else "ANOTHER",
        "POSTs": bench.posts,
        "account": str(bench.erp.view(bench.account).state),
    }


_CLAIMS = json.dumps({"access_token": {"polids": {"essential": True, "values": ["1"]}}})


@fault(
    "T8",
    "interaction_required with claims",
    expected={**FINAL, "claims": "in the next sign-in"},
)
def interaction_required(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(aadsts=50076, error="interaction_required", body={"claims": _CLAIMS}, times=1)
    bench.ask()
    url = bench.erp.begin(bench.account).url
    posts = bench.posts
    bench.erp.sign_in(bench.sim, bench.account)
    bench.sim.requests.clear()
    seen = refused_for_good(
        bench, aadsts=50076, error="interaction_required", body={"claims": _CLAIMS}
    )
    return {**seen, "claims": "in the next sign-in" if "polids" in url and posts == 1 else url}


@fault(
    "T9",
    "invalid_client: {}",
    expected={
        "no token": "RegistrationError",
        "another worker": "RegistrationError",
        "POSTs": 1,
        "account": "connected",
        "grant": "unchanged",
        "valid token": "serves",
        "next call": "token",
    },
    cases={"secret expired": 7000222, "wrong secret": 7000215},
)
def invalid_client(bench: Bench, aadsts: int) -> Mapping[str, Any]:
    seen = passing(bench, aadsts=aadsts, status=401, error="invalid_client")
    del seen["in time"]
    return {**seen, "account": str(bench.erp.view(bench.account).state)}
