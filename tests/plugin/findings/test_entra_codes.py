"""What the tables make of Microsoft's refusals: by OAuth error, by number, by the moment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from salesorder_m365.plugin.findings import entra_codes
from salesorder_m365.plugin.findings.catalogue import codes, entries
from salesorder_m365.plugin.findings.entra_codes import entra_code
from salesorder_m365.schemas.report import Actor


@pytest.mark.parametrize(
    ("error", "numbers", "code"),
    [
        pytest.param("invalid_grant", [], "grant_refused", id="no number"),
        pytest.param("invalid_grant", [1, 2, 99999999], "grant_refused", id="unlisted numbers"),
        pytest.param("invalid_grant", [1, 65001], "administrator_needed", id="second number"),
        pytest.param("invalid_grant", [90033], "grant_refused", id="lasting stays lasting"),
        pytest.param(
            "temporarily_unavailable", [7000222], "microsoft_unavailable", id="passing stays"
        ),
        pytest.param("server_error", [50173], "microsoft_unavailable", id="server error stays"),
        pytest.param("server_error", [53003], "microsoft_unavailable", id="no policy either"),
        pytest.param("invalid_client", [], "registration_refused", id="registration"),
        pytest.param("invalid_client", [50173], "registration_refused", id="not the person's"),
        pytest.param("invalid_client", [53003], "registration_refused", id="nor a policy's"),
        pytest.param("access_denied", [], "declined", id="declined"),
        pytest.param("access_denied", [65004], "declined", id="declined by number"),
        pytest.param("authorization_declined", [], "declined", id="declined on another device"),
        pytest.param("permission_denied", [], "consent_declined", id="an administrator's cancel"),
        pytest.param("consent_required", [], "administrator_needed", id="consent"),
        pytest.param("interaction_required", [], "interaction_required", id="interaction"),
        pytest.param("slow_down", [], "throttled", id="slow down"),
        pytest.param("", [], "sign_in_refused", id="nothing at all"),
        pytest.param("new_error", [], "sign_in_refused", id="unlisted error"),
        pytest.param("new_error", [50105], "user_not_assigned", id="unlisted error, known number"),
        pytest.param("access_denied", [90093], "administrator_needed", id="cannot consent"),
        pytest.param("access_denied", [530084], "blocked_by_policy", id="token protection"),
        pytest.param("access_denied", [53999], "blocked_by_policy", id="a policy's new number"),
        pytest.param("invalid_grant", [530999], "blocked_by_policy", id="another one"),
        pytest.param("access_denied", [99999999], "sign_in_refused", id="a new number"),
        pytest.param("permission_denied", [99999999], "sign_in_refused", id="here too"),
        pytest.param("invalid_resource", [500011], "exchange_not_in_tenant", id="no Exchange"),
        pytest.param("invalid_client", [650052], "exchange_not_in_tenant", id="not subscribed"),
        pytest.param("invalid_resource", [650057], "permission_not_registered", id="not listed"),
    ],
)
def test_error_decides_and_numbers_refine(error, numbers, code):
    assert entra_code(error, numbers) == code


@pytest.mark.parametrize(
    ("error", "numbers", "signing_in", "renewing"),
    [
        ("invalid_grant", [65001], "administrator_needed", "consent_withdrawn"),
        ("consent_required", [], "administrator_needed", "consent_withdrawn"),
        ("interaction_required", [65001], "administrator_needed", "consent_withdrawn"),
        ("invalid_grant", [90094], "administrator_needed", "administrator_needed"),
        ("invalid_grant", [65001, 90095], "administrator_needed", "administrator_needed"),
        ("access_denied", [90093], "administrator_needed", "administrator_needed"),
        ("invalid_grant", [], "grant_refused", "grant_refused"),
    ],
)
def test_a_missing_consent_at_a_renewal_was_withdrawn(error, numbers, signing_in, renewing):
    assert entra_code(error, numbers) == signing_in
    assert entra_code(error, numbers, renewing=True) == renewing
    assert entries()["consent_withdrawn"].actor is Actor.WORKER
    assert entries()["administrator_needed"].actor is Actor.M365_ADMIN


KNOWN = {*entra_codes.PERSON, *entra_codes.REGISTRATION, *entra_codes.PASSING}
UNKNOWN = st.integers(min_value=0, max_value=10**8).filter(
    lambda number: number not in KNOWN and not entra_codes._is_policy(number)
)
ERRORS = st.one_of(st.sampled_from(sorted(entra_codes._ERRORS)), st.text(max_size=30))


@given(ERRORS, st.lists(UNKNOWN, min_size=1, max_size=4), st.booleans())
def test_an_unknown_number_is_no_verdict_about_what_somebody_did(error, numbers, renewing):
    code = entra_code(error, numbers, renewing=renewing)
    assert code in codes()
    assert code not in entra_codes._DEEDS
    # It says no more than the same error says without a number.
    assert code in {entra_code(error, [], renewing=renewing), "sign_in_refused"}


@given(ERRORS, st.lists(st.one_of(st.sampled_from(sorted(KNOWN)), st.integers()), max_size=4))
def test_whatever_is_refused_has_a_finding(error, numbers):
    assert entra_code(error, numbers) in codes()
    assert entra_code(error, numbers, renewing=True) in codes()
