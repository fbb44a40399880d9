"""Events hold whatever was asked for, also what no column takes as it is."""

from datetime import UTC, datetime

import pytest
from faults.postgres import NotInstalledError, Postgres
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading, writing
from salesorder_m365.plugin.store.events import recent_events, storable, store_event
from salesorder_m365.schemas.event import Event

LONG = "m365:" + "x" * 100
CASES = {
    "as it is": ("m365:1", "m365:1"),
    "64 characters": ("m" * 64, "m" * 64),
    "65 characters": ("m" * 65, "m" * 63 + "…"),
    "long": (LONG, LONG[:63] + "…"),
    "NUL": ("m365:\0x", "m365:\N{REPLACEMENT CHARACTER}x"),
    "a lone surrogate": ("m365:\ud800x", "m365:\N{REPLACEMENT CHARACTER}x"),
    "no lone one": ("m365:\N{GRINNING FACE}", "m365:\N{GRINNING FACE}"),
}


@pytest.mark.parametrize(("given", "kept"), CASES.values(), ids=CASES)
def test_what_is_kept(given, kept):
    assert storable(given, 64) == kept


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def engine(request, tmp_path):
    if request.param == "sqlite":
        yield engine_for("contoso", f"sqlite:///{tmp_path}/events.db")
        dispose_engines()
        return
    try:
        with Postgres() as server:
            yield engine_for("contoso", server.create("events"))
            dispose_engines()
    except NotInstalledError as err:
        pytest.skip(str(err))


def test_no_refusal_is_lost(engine):
    for given, _ in CASES.values():
        happened = Event(
            name="authz_fail",
            at=datetime.now(UTC),
            worker=given * 10,
            account_id=given,
            details={"permission": given},
        )
        with writing(engine) as connection:
            store_event(connection, happened)
    with reading(engine) as connection:
        found = recent_events(connection, 100)
    assert [event.account_id for event in found] == [kept for _, kept in CASES.values()]
    assert all(len(event.worker) <= 200 for event in found)
