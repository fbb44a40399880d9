"""What an error tracker reads from the frames of our errors, D1: no secret in any of them."""

import json
import traceback
from collections.abc import Iterator, Mapping
from typing import Any

from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.store.sealing import KeyRing

from .bench import Bench
from .registry import fault

ANSWERS = {
    "500": {"status": 500},
    "429": {"status": 429},
    "a page": {"status": 200, "body": b"<html>"},
    "a cut connection": {"drop": True},
    "invalid_grant": {"aadsts": 50173},
    "invalid_client": {"error": "invalid_client", "status": 401, "aadsts": 7000222},
    "an unknown refusal": {"error": "from_the_future"},
}


@fault(
    "D1",
    "error trackers collect every frame's variables while Microsoft answers {}",
    expected={"errors": 2, "secrets": "none", "control": "all are found"},
    cases=ANSWERS,
)
def collected(bench: Bench, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    canaries = _canaries(bench)
    errors = [err for call in _calls(bench) if (err := _raised(bench, call, answer))]
    seen = "".join(text for err in errors for text in _collected(err))
    control = "".join(_collected(_without_care(canaries)))
    return {
        "errors": len(errors),
        "secrets": ", ".join(name for name, each in canaries.items() if each in seen) or "none",
        "control": "all are found" if all(each in control for each in canaries.values()) else "NO",
    }


def _canaries(bench: Bench) -> dict[str, str]:
    row, ring = bench.row(), KeyRing(bench.erp.settings.key_ring)
    (refresh,) = json.loads(row.open_cache(ring))["RefreshToken"].values()
    return {
        "client secret": bench.sim.registration.client_secret,
        "access token": row.open_token(ring),
        "refresh token": refresh["secret"],
    }


def _calls(bench: Bench) -> list[Any]:
    erp, account = bench.erp, bench.account
    return [lambda: erp.choices(account), lambda: erp.map(account, sent="Sent Items")]


def _raised(bench: Bench, call: Any, answer: Mapping[str, Any]) -> M365Error | None:
    bench.sim.faults.clear()
    bench.set_row(refused=None)
    bench.expire()
    bench.script(**answer)
    try:
        call()
    except M365Error as err:
        return err
    return None


def _without_care(canaries: Mapping[str, str]) -> Exception:
    """Return the error of a function that holds the secrets as it raises."""

    def raising(held: list[str]) -> None:
        raise ValueError(len(held))

    try:
        raising([str(each) for each in canaries.values()])
    except ValueError as err:
        return err
    raise AssertionError


def _collected(err: BaseException | None) -> Iterator[str]:
    """Yield what a tracker has of an error and of those behind it."""
    while err is not None:
        found = traceback.TracebackException.from_exception(err, capture_locals=True)
        yield "".join(found.format(chain=False))
        err = err.__cause__ or err.__context__
