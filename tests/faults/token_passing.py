"""Passing faults of the token endpoint, T1 to T5: callers with a valid token notice nothing."""

from collections.abc import Mapping
from typing import Any

from .bench import Bench
from .proxy import Weather
from .registry import fault

PASSES = {
    "no token": "UnavailableError",
    "another worker": "UnavailableError",
    "POSTs": 1,
    "in time": True,
    "grant": "unchanged",
    "valid token": "serves",
    "next call": "token",
}
#: How long an answer may take when the deadline is a second: MSAL's own work comes on top.
_IN_TIME = 4.0


def passing(bench: Bench, **scripted: Any) -> dict[str, Any]:
    """Let the endpoint fail for an expired and for a valid token, then work again."""
    bench.expire()
    kept = bench.kept()
    bench.script(**scripted)
    first, second = bench.ask(), bench.ask(bench.host())
    posts, unchanged = bench.posts, bench.kept() == kept
    bench.sim.faults.clear()
    bench.expire(left=60)
    bench.script(**scripted)
    old = bench.ask()
    bench.sim.faults.clear()
    bench.expire()
    after = bench.ask()
    return {
        "no token": first.kind,
        "another worker": second.kind,
        "POSTs": posts,
        "in time": first.seconds < _IN_TIME,
        "grant": "unchanged" if unchanged else "CHANGED",
        "valid token": "serves" if old.kind == "token" else old.kind,
        "next call": after.kind,
    }


@fault(
    "T1",
    "429, Retry-After: {}",
    expected=PASSES,
    cases={"7": "7", "a date": "Fri, 31 Dec 2100 23:59:59 GMT", "junk": "soon", "none": None},
)
def throttled(bench: Bench, retry_after: str | None) -> Mapping[str, Any]:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return passing(bench, status=429, headers=headers, body={"error": "temporarily_unavailable"})


@fault(
    "T1",
    "429 with Retry-After: 7 while 6 workers ask at once",
    expected={"answers": "6 times UnavailableError", "POSTs": 1, "wait": "6 to 7 s"},
)
def throttled_crowd(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(status=429, headers={"Retry-After": "7"}, delay=0.3, times=6)
    calls = [bench.asking(bench.host()) for _ in range(6)]
    kinds = {call.result().kind for call in calls}
    row = bench.row()
    return {
        "answers": f"6 times {', '.join(sorted(kinds))}",
        "POSTs": bench.posts,
        "wait": "6 to 7 s" if 6 < row.not_before - row.read_at <= 7 else row.not_before,
    }


@fault(
    "T2",
    "status {}",
    expected=PASSES,
    cases={
        "500": {"status": 500},
        "502 with a page": {"status": 502, "body": b"<html>Bad gateway</html>"},
        "503, temporarily_unavailable": {
            "status": 503,
            "body": {"error": "temporarily_unavailable"},
        },
        "504 with invalid_grant in it": {"status": 504, "body": {"error": "invalid_grant"}},
    },
)
def server_error(bench: Bench, scripted: dict[str, Any]) -> Mapping[str, Any]:
    return passing(bench, **scripted)


@fault(
    "T3",
    "{}",
    expected=PASSES,
    cases={
        "a page with 200": {"status": 200, "body": b"<html>Welcome to the hotel</html>"},
        "a page with 400": {"status": 400, "body": b"<html>Bad request</html>"},
        "a page with 404": {"status": 404, "body": b"<html>Not found</html>"},
        "nothing with 200": {"status": 200},
        "nothing with 400": {"status": 400},
        "JSON cut off": {"status": 200, "body": b'{"access_token": "x'},
        "a JSON list": {"status": 200, "body": b"[]"},
        "JSON null": {"status": 200, "body": b"null"},
        "a JSON text": {"status": 200, "body": b'"error"'},
        "a JSON list with 400": {"status": 400, "body": b'["error"]'},
        "bytes that are no UTF-8": {"status": 200, "body": b"\xff\xfe\x00\x80"},
        "2 MB": {"status": 200, "body": b'{"access_token": "' + b"x" * 2_000_000 + b'"}'},
        "deep JSON": {"status": 200, "body": b"[" * 100_000},
    },
)
def not_json(bench: Bench, scripted: dict[str, Any]) -> Mapping[str, Any]:
    return passing(bench, **scripted)


_GOOD = {"access_token": "x", "token_type": "Bearer", "expires_in": 3600}


@fault(
    "T4",
    "{}",
    expected=PASSES,
    cases={
        "no access_token": {"body": {"token_type": "Bearer", "expires_in": 3600}},
        "an empty access_token": {"body": {**_GOOD, "access_token": ""}},
        "access_token as a list": {"body": {**_GOOD, "access_token": ["x"]}},
        "expires_in as text": {"body": {**_GOOD, "expires_in": "soon"}},
        "expires_in 0": {"body": {**_GOOD, "expires_in": 0}},
        "expires_in negative": {"body": {**_GOOD, "expires_in": -5}},
        "id_token as junk": {"body": {**_GOOD, "id_token": "a.b.c"}},
        "id_token as a number": {"body": {**_GOOD, "id_token": 7}},
        "scope as a number": {"body": {**_GOOD, "scope": 7}},
        "error as a number, 400": {"status": 400, "body": {"error": 7}},
        "error null, 400": {"status": 400, "body": {"error": None}},
        "error_codes as junk, 500": {
            "status": 500,
            "body": {"error": "server_error", "error_codes": 7},
        },
    },
)
def junk_fields(bench: Bench, scripted: dict[str, Any]) -> Mapping[str, Any]:
    return passing(bench, **{"status": 200, **scripted})


@fault(
    "T4",
    "{}: taken as good for an hour",
    expected={"first": "token", "POSTs": 1, "valid": "an hour", "renewable": True},
    cases={
        "expires_in missing": {"access_token": "x", "token_type": "Bearer"},
        "expires_in null": {**_GOOD, "expires_in": None},
        "expires_in as a fraction": {**_GOOD, "expires_in": 3600.0},
        "client_info as junk": {**_GOOD, "client_info": "%%%"},
    },
)
def good_for_an_hour(bench: Bench, body: dict[str, Any]) -> Mapping[str, Any]:
    bench.expire()
    bench.script(status=200, body=body)
    first, row = bench.ask(), bench.row()
    left = row.expires_at - row.read_at
    posts = bench.posts
    bench.expire()
    return {
        "first": first.kind,
        "POSTs": posts,
        "valid": "an hour" if 3590 < left <= 3601 else left,
        "renewable": bench.ask().kind == "token",
    }


@fault(
    "T4",
    "expires_in {}",
    expected={"first": "token", "POSTs": 1, "valid": "a day at most", "second": "token"},
    cases={"of 300 years": 9_999_999_999, "of 40 digits": 10**39},
)
def endless_life(bench: Bench, life: int) -> Mapping[str, Any]:
    bench.expire()
    bench.script(status=200, body={**_GOOD, "expires_in": life})
    first, second, row = bench.ask(), bench.ask(), bench.row()
    return {
        "first": first.kind,
        "POSTs": bench.posts,
        "valid": "a day at most" if row.expires_at - row.read_at <= 86_401 else row.expires_at,
        "second": second.kind,
    }


@fault(
    "T4",
    "a token that lives a minute, 6 workers at once",
    expected={"answers": "6 times token", "POSTs": 1},
)
def short_life(bench: Bench) -> Mapping[str, Any]:
    bench.expire()
    bench.script(status=200, body={**_GOOD, "expires_in": 60}, delay=0.3)
    calls = [bench.asking(bench.host()) for _ in range(6)]
    kinds = {call.result().kind for call in calls}
    return {"answers": f"6 times {', '.join(sorted(kinds))}", "POSTs": bench.posts}


@fault(
    "T5",
    "the endpoint {}",
    # What never reaches the endpoint is no POST there.
    expected={
        **{name: PASSES[name] for name in PASSES if name != "POSTs"},
        "connections left": 0,
    },
    cases={
        "answers nothing": Weather(delay=30.0),
        "swallows everything": Weather(blackhole=True),
        "dribbles single bytes": Weather(slices=1, delay=0.2),
        "cuts the answer after 40 bytes": Weather(cut_after=40),
        "cuts before the answer": Weather(cut_after=0),
        "resets after 100 bytes": Weather(reset_after=100),
        "resets at once": Weather(reset_after=0),
    },
)
def broken_network(bench: Bench, weather: Weather) -> Mapping[str, Any]:
    proxy = bench.proxy()
    slow = bench.host(proxy=proxy.url, http_timeout=0.5)
    bench.expire()
    bench.ask(slow)  # the connection is there before the storm
    bench.expire()
    kept = bench.kept()
    proxy.turn(weather)
    first, second = bench.ask(slow), bench.ask(bench.host())
    unchanged, left = bench.kept() == kept, proxy.left_open()
    bench.expire(left=60)
    proxy.turn(weather)
    old = bench.ask(slow)
    proxy.turn(Weather())
    bench.expire()
    after = bench.ask(bench.host(proxy=proxy.url))
    return {
        "no token": first.kind,
        "another worker": second.kind,
        "in time": first.seconds < _IN_TIME,
        "grant": "unchanged" if unchanged else "CHANGED",
        "valid token": "serves" if old.kind == "token" else old.kind,
        "next call": after.kind,
        "connections left": left,
    }


@fault(
    "T5",
    "the answer comes in slices of 7 bytes",
    expected={"answer": "token", "POSTs": 1},
)
def sliced(bench: Bench) -> Mapping[str, Any]:
    proxy = bench.proxy()
    host = bench.host(proxy=proxy.url)
    bench.expire()
    proxy.turn(Weather(slices=7))
    return {"answer": bench.ask(host).kind, "POSTs": bench.posts}
