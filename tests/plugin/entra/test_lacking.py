"""What an answer lacks, or names somebody else in: at the sign-in, at a renewal, in discovery."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from msal.oauth2cli import oauth2, oidc
from salesorder_m365.plugin.entra.claims import ForeignTokenError
from salesorder_m365.plugin.entra.identity import Identity
from salesorder_m365.plugin.entra.refusals import GrantRefusedError, UnfitAnswerError
from salesorder_m365.plugin.errors import RegistrationError, UnavailableError
from support.fake_microsoft import (
    AUTHORITY,
    OBJECT_ID,
    FakeMicrosoft,
    document,
    id_claims,
    jwt_of,
    response,
    tokens,
)

SCOPES = (
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office.com/SMTP.Send",
)


@pytest.fixture
def microsoft():
    return FakeMicrosoft()


@pytest.fixture
def settings(scripted_settings):
    return scripted_settings(993)


@pytest.fixture
def identity(settings, microsoft):
    return Identity(settings, authority=AUTHORITY, scopes=SCOPES, http=microsoft)


def signed_in(identity, microsoft, client_id, **changes):
    flow = identity.begin(state="s" * 43, username="sales@contoso.test", claims=None)
    nonce = parse_qs(urlsplit(flow["auth_uri"]).query)["nonce"][0]
    microsoft.token = response(tokens(client_id, nonce) | changes)
    return identity.redeem(flow, "a-code")


@pytest.fixture
def cache(identity, microsoft, settings):
    """MSAL's cache after a sign-in."""
    return signed_in(identity, microsoft, settings.client_id).tokens.msal_cache


def refresh_token_in(cache):
    (entry,) = json.loads(cache)["RefreshToken"].values()
    return entry["secret"]


@pytest.mark.parametrize("lacking", [None, ""], ids=repr)
def test_a_sign_in_without_a_refresh_token_is_a_finding(identity, microsoft, settings, lacking):
    with pytest.raises(UnfitAnswerError) as caught:
        signed_in(identity, microsoft, settings.client_id, refresh_token=lacking)
    assert caught.value.code == "offline_access_missing"


@pytest.mark.parametrize("id_token", [None, "", "abc", "a.b.c", "..", 5, "\ud800"], ids=repr)
def test_a_sign_in_without_a_usable_id_token_is_refused(identity, microsoft, settings, id_token):
    with pytest.raises((UnavailableError, ForeignTokenError)):
        signed_in(identity, microsoft, settings.client_id, id_token=id_token)


@pytest.fixture
def msal_looks_at_no_nonce(mocker):
    """MSAL is giving up its checks of id tokens."""
    mocker.patch.object(
        oidc.Client,
        "obtain_token_by_auth_code_flow",
        oauth2.Client.obtain_token_by_auth_code_flow,
    )


@pytest.mark.usefixtures("msal_looks_at_no_nonce")
@pytest.mark.parametrize("nonce", [None, "", "another", 5, ["x"], "\ud800"], ids=repr)
def test_the_nonce_is_compared_by_us(identity, microsoft, settings, nonce):
    id_token = jwt_of(id_claims(settings.client_id) | {"nonce": nonce})
    with pytest.raises(ForeignTokenError) as caught:
        signed_in(identity, microsoft, settings.client_id, id_token=id_token)
    assert caught.value.what == "nonce"


@pytest.mark.usefixtures("msal_looks_at_no_nonce")
def test_the_right_nonce_is_taken(identity, microsoft, settings):
    assert signed_in(identity, microsoft, settings.client_id).tokens.access_token


@pytest.mark.parametrize(
    "lacking", ["refresh_token", "id_token", "client_info", "scope", "expires_in", "token_type"]
)
def test_what_a_renewal_lacks_overwrites_nothing(identity, microsoft, settings, cache, lacking):
    microsoft.token = response(
        tokens(settings.client_id, **{"refresh_token": "newer"} | {lacking: None})
    )
    renewed = identity.renew(cache)
    newer = "refresh-token-canary-0001" if lacking == "refresh_token" else "newer"
    assert refresh_token_in(renewed.msal_cache) == newer
    assert set(renewed.scopes) == set(SCOPES)
    again = identity.renew(renewed.msal_cache)
    assert microsoft.posted[-1]["refresh_token"] == newer
    assert len(again.msal_cache) <= len(renewed.msal_cache) + 100


@pytest.mark.parametrize("id_token", ["abc", "a.b.c", "", 5], ids=repr)
def test_a_renewal_with_a_faulty_id_token_passes(identity, microsoft, settings, cache, id_token):
    microsoft.token = response(tokens(settings.client_id) | {"id_token": id_token})
    with pytest.raises(UnavailableError) as caught:
        identity.renew(cache)
    assert caught.value.reason == "no usable answer"


def test_a_renewal_for_somebody_else_is_not_taken(identity, microsoft, settings, cache):
    other = jwt_of(id_claims(settings.client_id, oid=OBJECT_ID.replace("a", "b")))
    microsoft.token = response(tokens(settings.client_id, id_token=other))
    with pytest.raises(UnavailableError):
        identity.renew(cache)


@pytest.mark.parametrize("spoil", ["no refresh token", "no account", "no JSON", "other JSON"])
def test_a_cache_that_can_renew_nothing_needs_a_sign_in(identity, cache, microsoft, spoil):
    held = json.loads(cache)
    spoilt = {
        "no refresh token": json.dumps(held | {"RefreshToken": {}}),
        "no account": json.dumps(held | {"Account": {}}),
        "no JSON": cache[:50],
        "other JSON": "{}",
    }[spoil]
    asked = len(microsoft.posted)
    with pytest.raises(GrantRefusedError) as caught:
        identity.renew(spoilt)
    assert caught.value.error == "invalid_grant"
    assert len(microsoft.posted) == asked


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": None},
        {"issuer": 5},
        {"issuer": "https://login.example.com/\ud800"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://login.example.com/authorize"},
        {"authorization_endpoint": ["https://login.example.com/"]},
        {"token_endpoint": None},
        {"token_endpoint": "http://login.example.com/token"},
        {"token_endpoint": "https://user:pw@login.example.com/token"},
        {"device_authorization_endpoint": "http://localhost/devicecode"},
        {"device_authorization_endpoint": 5},
    ],
    ids=repr,
)
def test_a_faulty_discovery_document_is_refused_and_not_remembered(identity, microsoft, change):
    microsoft.discovery = response(document(**change))
    for call in (identity.issuer, lambda: identity.consent_url("s"), lambda: begin(identity)):
        with pytest.raises(UnavailableError):
            call()
    microsoft.discovery = response(document())
    assert begin(identity)["auth_uri"].startswith("https://login.example.com/")


def begin(identity):
    return identity.begin(state="s" * 43, username="sales@contoso.test", claims=None)


def test_pages_on_this_machine_may_be_plain(identity, microsoft):
    microsoft.discovery = response(document(authorization_endpoint="http://127.0.0.1:1/authorize"))
    assert begin(identity)["auth_uri"].startswith("http://127.0.0.1:1/authorize?")


@pytest.mark.parametrize("status", [400, 404])
def test_a_tenant_that_is_not_known(identity, microsoft, status):
    microsoft.discovery = response({"error": "invalid_tenant"}, status)
    with pytest.raises(RegistrationError) as caught:
        begin(identity)
    assert caught.value.code == "tenant_unknown"


ISSUER = document()["issuer"]
SHARED = "https://login.example.com/{tenantid}/v2.0"
SAID = [
    (ISSUER, False, ISSUER, True),
    (ISSUER, False, None, True),
    (ISSUER, True, None, False),
    (ISSUER, True, ISSUER, True),
    (ISSUER, False, ISSUER + "/", False),
    (ISSUER, False, ISSUER.upper(), False),
    (ISSUER, False, "", False),
    (ISSUER, False, "https://evil.example.com/", False),
    (SHARED, False, ISSUER, True),
    (SHARED, False, SHARED, False),
    (SHARED, False, "https://login.example.com/x/v2.0", False),
    (SHARED, False, ISSUER.replace(".com", "xcom"), False),
]


@pytest.mark.parametrize(("issuer", "promised", "said", "same"), SAID)
def test_issuers_of_answers_by_the_browser(identity, microsoft, issuer, promised, said, same):
    promise = {"authorization_response_iss_parameter_supported": promised}
    microsoft.discovery = response(document(issuer=issuer) | promise)
    if same:
        identity.check_issuer(said)
    else:
        with pytest.raises(ForeignTokenError):
            identity.check_issuer(said)


def test_a_fault_of_ours_stays_one(identity, microsoft, cache):
    """It must not be told as Microsoft's: that would hide it."""
    for raised in (TypeError("ours"), KeyError("ours"), AttributeError("ours")):
        microsoft.token = raised
        with pytest.raises(type(raised)):
            identity.renew(cache)


@pytest.mark.parametrize("raised", [OSError(), ConnectionResetError(104, "reset"), TimeoutError()])
def test_what_fails_on_the_way_is_passing(identity, microsoft, cache, raised):
    microsoft.token = raised
    with pytest.raises(UnavailableError) as caught:
        identity.renew(cache)
    assert caught.value.reason == type(raised).__name__
    cause = caught.value.__cause__
    assert cause is None or (type(cause) is type(raised) and cause is not raised)
    assert caught.value.__context__ is None
