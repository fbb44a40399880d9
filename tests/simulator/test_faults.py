"""Scripted answers of the token endpoint, seen with a plain HTTP client."""

import time

import pytest
import requests
from salesorder_m365.simulator.identity.faults import TokenFault


@pytest.fixture
def ask(sim, http):
    def post(grant_type="client_credentials"):
        form = {
            "grant_type": grant_type,
            "client_id": sim.registration.client_id,
            "client_secret": sim.registration.client_secret,
            "scope": "https://outlook.office365.com/.default",
        }
        return http.post(f"{sim.authority}/contoso.test/oauth2/v2.0/token", data=form, timeout=3)

    return post


FAULTS = {
    "HTML with 200": (TokenFault(status=200, body=b"<html>proxy</html>"), 200, "<html>"),
    "empty object": (TokenFault(status=200, body={}), 200, "{}"),
    "junk expires_in": (
        TokenFault(status=200, body={"access_token": "x", "expires_in": "soon"}),
        200,
        "soon",
    ),
    "503": (TokenFault(status=503), 503, ""),
    "interaction_required": (
        TokenFault(aadsts=50076, error="interaction_required", body={"claims": "{}"}),
        400,
        '"claims":"{}"',
    ),
    "AADSTS by number": (TokenFault(aadsts=50173), 400, "AADSTS50173: The provided grant"),
}


@pytest.mark.parametrize(("fault", "status", "text"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_answered_once(sim, ask, fault, status, text):
    sim.faults.add(fault)
    answer = ask()
    assert answer.status_code == status
    assert text in answer.text
    assert ask().status_code == 200
    assert len(sim.faults) == 0


def test_429_tells_when_to_come_back(sim, ask):
    sim.faults.add(TokenFault(status=429, headers={"Retry-After": "7"}, times=2))
    assert [ask().headers.get("retry-after") for _ in range(3)] == ["7", "7", None]


def test_a_fault_waits_for_its_grant_type(sim, ask):
    sim.faults.add(TokenFault(grant_type="refresh_token", status=503))
    assert ask().status_code == 200
    assert ask("refresh_token").status_code == 503


def test_a_dropped_connection_has_no_answer(sim, ask):
    sim.faults.add(TokenFault(drop=True))
    with pytest.raises(requests.ConnectionError):
        ask()
    assert ask().status_code == 200


def test_a_delayed_request_is_answered_as_usual(sim, ask):
    sim.faults.add(TokenFault(delay=0.3, passes=True))
    begun = time.monotonic()
    assert "access_token" in ask().json()
    assert time.monotonic() - begun >= 0.3


def test_throttling_is_a_policy(sim, ask):
    sim.tenant.policies.throttled = 9
    answer = ask()
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")
    assert answer.json()["error_codes"] == [90055]


def test_reset_forgets_faults(sim, ask):
    sim.faults.add(TokenFault(status=503, times=5))
    sim.reset()
    assert ask().status_code == 200
