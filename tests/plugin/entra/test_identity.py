"""MSAL behind its small face, against the simulator: its requests, and what failures become."""

from urllib.parse import parse_qs, urlsplit

import pytest
from salesorder_m365.plugin.entra.identity import identity_for
from salesorder_m365.plugin.entra.refusals import GrantRefusedError, claims_of
from salesorder_m365.plugin.errors import RegistrationError, UnavailableError
from salesorder_m365.simulator.identity.faults import TokenFault
from support.client_certificate import certificate_pem

SALES = "sales@contoso.test"


@pytest.fixture
def identity(sim, settings_for):
    return identity_for(settings_for(sim))


def signed_in(sim, identity):
    flow = identity.begin(state="s" * 43, username=SALES, claims=None)
    return identity.redeem(flow, sim.sign_in(flow["auth_uri"], SALES)["code"])


def test_the_sign_in_page_is_asked_for_as_it_must_be(sim, identity):
    flow = identity.begin(state="s" * 43, username=SALES, claims='{"id_token":{}}')
    query = {name: values[0] for name, values in parse_qs(urlsplit(flow["auth_uri"]).query).items()}
    assert query["code_challenge_method"] == "S256"
    assert len(flow["code_verifier"]) >= 43
    assert set(query["scope"].split()) == {
        "https://outlook.office.com/IMAP.AccessAsUser.All",
        "https://outlook.office.com/SMTP.Send",
        "offline_access",
        "openid",
        "profile",
    }
    assert {name: query[name] for name in ("response_type", "response_mode", "prompt")} == {
        "response_type": "code",
        "response_mode": "query",
        "prompt": "select_account",
    }
    assert (query["login_hint"], query["state"]) == (SALES, "s" * 43)
    assert query["redirect_uri"] in sim.registration.redirect_uris
    assert '{"id_token"' in query["claims"]


def test_one_discovery_and_one_post_for_many_renewals(sim, identity):
    tokens = signed_in(sim, identity).tokens
    for _ in range(3):
        tokens = identity.renew(tokens.msal_cache)
    assert sim.count(path="/openid-configuration") == 1
    assert sim.count(grant_type="authorization_code") == 1
    assert sim.count(grant_type="refresh_token") == 3
    assert "https://outlook.office.com/SMTP.Send" in tokens.scopes
    assert tokens.lifetime > 600


def test_nothing_secret_is_shown(sim, identity):
    answer = signed_in(sim, identity)
    assert answer.tokens.access_token not in repr(answer)
    assert answer.id_token not in repr(answer)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (TokenFault(status=500), UnavailableError),
        (TokenFault(status=503, body={"error": "temporarily_unavailable"}), UnavailableError),
        (TokenFault(status=200, body=b"<html></html>"), UnavailableError),
        (TokenFault(status=200, body={"token_type": "Bearer"}), UnavailableError),
        (
            TokenFault(
                status=200,
                body={"access_token": "x", "expires_in": "soon", "token_type": "Bearer"},
            ),
            UnavailableError,
        ),
        (TokenFault(drop=True), UnavailableError),
        (TokenFault(error="invalid_grant", aadsts=70008), GrantRefusedError),
        (TokenFault(error="interaction_required", aadsts=50076), GrantRefusedError),
        (TokenFault(error="invalid_client", aadsts=7000222, status=401), RegistrationError),
    ],
    ids=["500", "503", "html", "no token", "junk", "drop", "expired", "mfa", "secret"],
)
def test_each_shape_of_failure_becomes_one_error(sim, identity, fault, expected):
    cache = signed_in(sim, identity).tokens.msal_cache
    sim.faults.add(fault)
    with pytest.raises(expected) as error:
        identity.renew(cache)
    assert type(error.value) is expected
    assert identity.renew(cache).access_token  # nothing of the refusal is remembered


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("99999999", 3600), ("soon", 5)])
def test_retry_after(sim, identity, header, seconds):
    cache = signed_in(sim, identity).tokens.msal_cache
    sim.faults.add(TokenFault(status=429, headers={"Retry-After": header}))
    with pytest.raises(UnavailableError) as error:
        identity.renew(cache)
    assert error.value.retry_after == seconds


def test_a_tenant_that_does_not_exist(sim, settings_for):
    identity = identity_for(settings_for(sim, tenant="fabrikam.test"))
    with pytest.raises(RegistrationError) as error:
        identity.begin(state="s" * 43, username=SALES, claims=None)
    assert error.value.code == "tenant_unknown"


def test_nobody_listens(sim, settings_for, free_port):
    identity = identity_for(settings_for(sim, authority=f"https://localhost:{free_port}"))
    with pytest.raises(UnavailableError):
        identity.begin(state="s" * 43, username=SALES, claims=None)


def test_an_authority_with_a_foreign_certificate(sim, settings_for):
    identity = identity_for(settings_for(sim, ca_file=None))
    with pytest.raises(UnavailableError):
        identity.issuer()


def test_a_certificate_instead_of_a_secret(sim, settings_for, tmp_path):
    pem = certificate_pem()
    sim.registration.add_certificate(pem)
    file = tmp_path / "client.pem"
    file.write_bytes(pem)
    settings = settings_for(sim, client_secret=None, client_certificate=str(file))
    assert signed_in(sim, identity_for(settings)).tokens.access_token
    file.unlink()
    with pytest.raises(RegistrationError) as error:
        identity_for(settings).begin(state="s" * 43, username=SALES, claims=None)
    assert error.value.code == "certificate_unreadable"


@pytest.mark.parametrize(
    ("text", "kept"),
    [('{"access_token":{}}', True), ("[]", False), ("{", False), ("", False), (None, False)],
)
def test_only_a_json_object_is_a_claims_request(text, kept):
    assert claims_of(text) == (text if kept else None)
