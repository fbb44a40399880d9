"""Sign-in with MSAL, from the first page to the refreshed token."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from salesorder_m365.simulator.browser import SignInError
from salesorder_m365.simulator.identity.codes import AuthorizationCodes, CodeRefusedError
from salesorder_m365.simulator.identity.redirects import is_registered
from salesorder_m365.simulator.tenant.scopes import MAIL_SCOPES

SALES, ADMIN = "sales@contoso.test", "admin@contoso.test"


def token_request(sim, http, **form):
    values = {
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "redirect_uri": next(iter(sim.registration.redirect_uris)),
        **form,
    }
    present = {name: value for name, value in values.items() if value is not None}
    return http.post(f"{sim.authority}/contoso.test/oauth2/v2.0/token", data=present, timeout=5)


def test_tokens_are_what_exchange_and_msal_expect(sim, tokens):
    answer = tokens()
    key = sim.signing_key.public_key
    access = jwt.decode(
        answer["access_token"], key, ["RS256"], audience="https://outlook.office.com"
    )
    assert access["scp"] == "IMAP.AccessAsUser.All SMTP.Send"
    assert access["upn"] == SALES
    assert access["iss"] == f"https://sts.windows.net/{sim.tenant.id}/"
    assert access["appid"] == sim.registration.client_id
    claims = answer["id_token_claims"]
    assert (claims["tid"], claims["preferred_username"]) == (sim.tenant.id, SALES)
    assert claims["oid"] == access["oid"] == sim.tenant.people[SALES].oid
    assert answer["scope"].split() == list(MAIL_SCOPES)
    assert answer["expires_in"] == 3600


@pytest.mark.parametrize("tenant", ["contoso.test", "common", "organizations"])
def test_msal_refreshes_under_every_tenant_path(sim, new_app, tokens, tenant):
    app = new_app(tenant)
    first = tokens(app=app)
    again = app.acquire_token_silent_with_error(
        list(MAIL_SCOPES), app.get_accounts()[0], force_refresh=True
    )
    assert again["token_source"] == "identity_provider"
    assert again["access_token"] != first["access_token"]
    assert sim.count(grant_type="refresh_token") == 1
    assert sim.count(path="/openid-configuration") == 1


def test_a_foreign_tenant_is_refused(new_app):
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        new_app("fabrikam.example.com")


def certificate():
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Salesorder")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private.decode(), built.public_bytes(serialization.Encoding.PEM).decode(), built


@pytest.mark.parametrize("sha1", [True, False], ids=["x5t", "x5t#S256"])
def test_a_certificate_signs_the_client_in(sim, new_app, tokens, sha1):
    private, public, built = certificate()
    sim.registration.add_certificate(public)
    credential = {"private_key": private, "public_certificate": public}
    if sha1:
        credential = {"private_key": private, "thumbprint": built.fingerprint(hashes.SHA1()).hex()}
    assert "access_token" in tokens(app=new_app(credential=credential))


def test_an_unregistered_certificate_is_refused(new_app, tokens):
    private, public, _ = certificate()
    answer = tokens(app=new_app(credential={"private_key": private, "public_certificate": public}))
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [700027])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda sim: sim.registration.expire_secret(), 7000222),
        (lambda sim: sim.tenant.policies.change({"secret_expired": True}), 7000222),
        (lambda sim: sim.registration.new_secret(), 7000215),
    ],
    ids=["expired", "expired by policy", "replaced"],
)
def test_a_bad_secret_is_refused(sim, new_app, begin, change, code):
    app = new_app()
    flow = begin(app)
    change(sim)
    answer = app.acquire_token_by_auth_code_flow(flow, sim.sign_in(flow["auth_uri"], SALES))
    assert (answer["error"], answer["error_codes"]) == ("invalid_client", [code])
    assert answer["trace_id"] in answer["error_description"]
    assert answer["correlation_id"] in answer["error_description"]


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"code_verifier": None}, 501481),
        ({"code_verifier": "x" * 43}, 501481),
        ({"redirect_uri": "http://localhost:8365/other"}, 500112),
        ({"client_secret": None}, 7000218),
        ({"client_secret": "wrong"}, 7000215),
        ({"client_id": "5f0c1c1e"}, 700016),
        ({"grant_type": "password"}, 70003),
        ({"scope": "https://outlook.office.com/Nonsense"}, 70011),
        ({"scope": f"{MAIL_SCOPES[0]} https://graph.microsoft.com/Mail.Send"}, 28003),
        ({"scope": "https://graph.microsoft.com/Mail.Send"}, 65001),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
def test_token_request_is_refused(sim, http, new_app, begin, form, code):
    flow = begin(new_app())
    back = sim.sign_in(flow["auth_uri"], SALES)
    good = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "code_verifier": flow["code_verifier"],
    }
    answer = token_request(sim, http, **{**good, **form})
    assert answer.status_code in (400, 401)
    assert answer.json()["error_codes"] == [code]


def test_a_code_works_once(sim, new_app, begin):
    app = new_app()
    flow = begin(app)
    back = sim.sign_in(flow["auth_uri"], SALES)
    assert "access_token" in app.acquire_token_by_auth_code_flow(flow, back)
    again = app.acquire_token_by_auth_code_flow(flow, back)
    assert (again["error"], again["error_codes"]) == ("invalid_grant", [54005])


def test_a_code_lives_for_ten_minutes():
    now = [1000.0]
    codes = AuthorizationCodes(lambda: now[0])
    fresh, stale = codes.issue(SALES, {}), codes.issue(SALES, {})
    now[0] += 600
    assert codes.redeem(fresh).user == SALES
    now[0] += 1
    with pytest.raises(CodeRefusedError) as refused:
        codes.redeem(stale)
    assert refused.value.aadsts == 70008


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"redirect_uri": "http://localhost:8365/other"}, "AADSTS50011"),
        ({"redirect_uri": None}, "AADSTS900971"),
        ({"client_id": "5f0c1c1e"}, "AADSTS700016"),
    ],
    ids=["other redirect URI", "no redirect URI", "other client"],
)
def test_an_unsafe_request_never_leads_back(sim, new_app, begin, change, code):
    url = changed(begin(new_app())["auth_uri"], change)
    with pytest.raises(SignInError, match=code):
        sim.sign_in(url, SALES)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"code_challenge_method": "S512"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "https://outlook.office.com/Nonsense"}, "invalid_scope"),
        ({"scope": None}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
    ids=str,
)
def test_a_bad_request_leads_back_with_an_error(sim, new_app, begin, change, error):
    flow = begin(new_app())
    back = sim.sign_in(changed(flow["auth_uri"], change), SALES)
    assert (back["error"], back["state"]) == (error, flow["state"])
    assert "code" not in back


@pytest.mark.parametrize("change", [{"code_challenge": None}, {"code_challenge_method": "plain"}])
def test_pkce_may_be_demanded(sim, new_app, begin, change):
    sim.tenant.policies.pkce_required = True
    back = sim.sign_in(changed(begin(new_app())["auth_uri"], change), SALES)
    assert back["error_description"].startswith("AADSTS9002325")


NO_PKCE = {"code_challenge": None, "code_challenge_method": None}
PLAIN = {"code_challenge": "v" * 43, "code_challenge_method": "plain"}
VERIFIERS = {
    "none of both": (NO_PKCE, None, None),
    "plain": (PLAIN, "v" * 43, None),
    "plain by default": ({**PLAIN, "code_challenge_method": None}, "v" * 43, None),
    "plain, another": (PLAIN, "w" * 43, 501481),
    "challenge taken away": (NO_PKCE, "v" * 43, 501481),
}


@pytest.mark.parametrize(("change", "verifier", "code"), VERIFIERS.values(), ids=VERIFIERS.keys())
def test_a_verifier_fits_its_challenge_or_neither_is_there(
    sim, http, new_app, begin, change, verifier, code
):
    back = sim.sign_in(changed(begin(new_app())["auth_uri"], change), SALES)
    form = {"grant_type": "authorization_code", "code": back["code"], "code_verifier": verifier}
    answer = token_request(sim, http, **form).json()
    assert answer.get("error_codes") == (None if code is None else [code])


LOOPBACK = {
    "any port": ("http://localhost", "http://localhost:53211", True),
    "root path": ("http://localhost", "http://localhost:53211/", True),
    "same path": ("http://localhost:1/cb", "http://localhost:2/cb", True),
    "IP address": ("http://127.0.0.1/cb", "http://127.0.0.1:2/cb", True),
    "another path": ("http://localhost", "http://localhost:53211/cb", False),
    "another scheme": ("http://localhost", "https://localhost:53211", False),
    "another host": ("http://localhost", "http://127.0.0.1:53211", False),
    "a host that looks alike": ("http://localhost", "http://localhost.example.com:1", False),
    "a user": ("http://localhost", "http://localhost:1@example.com", False),
    "no number": ("http://localhost", "http://localhost:port", False),
    "a public host": ("https://erp.example.com/cb", "https://erp.example.com:8443/cb", False),
    "a query": ("http://localhost/cb", "http://localhost:1/cb?a=b", False),
}


@pytest.mark.parametrize(("registered", "asked", "fits"), LOOPBACK.values(), ids=LOOPBACK.keys())
def test_a_registered_loopback_has_any_port(registered, asked, fits):
    assert is_registered(asked, {registered}) is fits


@pytest.fixture
def native(sim):
    sim.registration.public_redirect_uris.add("http://localhost")
    yield "http://localhost:53211"
    sim.registration.public_redirect_uris.clear()


def test_a_public_client_redeems_and_refreshes_without_a_secret(sim, http, new_app, begin, native):
    flow = begin(new_app())
    back = sim.sign_in(changed(flow["auth_uri"], {"redirect_uri": native}), SALES)
    form = {
        "grant_type": "authorization_code",
        "code": back["code"],
        "code_verifier": flow["code_verifier"],
        "redirect_uri": native,
    }
    refused = token_request(sim, http, **form).json()
    assert refused["error_codes"] == [700025]  # the code is still good
    answer = token_request(sim, http, **form, client_secret=None).json()
    held = answer["refresh_token"]
    again = token_request(
        sim, http, grant_type="refresh_token", refresh_token=held, client_secret=None
    )
    assert again.status_code == 200


def test_client_credentials_by_http_basic(sim, http):
    url = f"{sim.authority}/contoso.test/oauth2/v2.0/token"
    form = {
        "grant_type": "client_credentials",
        "scope": "https://outlook.office365.com/.default",
    }
    good = (sim.registration.client_id, sim.registration.client_secret)
    assert "access_token" in http.post(url, data=form, auth=good, timeout=5).json()
    for auth, code in (
        ((good[0], "wrong"), 7000215),
        (("5f0c1c1e", good[1]), 700016),
    ):
        assert http.post(url, data=form, auth=auth, timeout=5).json()["error_codes"] == [code]
    broken = http.post(url, data=form, headers={"Authorization": "Basic %%%"}, timeout=5)
    assert broken.json()["error_codes"] == [7000215]


def test_the_older_name_of_the_device_grant(sim, http, new_app):
    flow = new_app(kind=msal.PublicClientApplication).initiate_device_flow(list(MAIL_SCOPES))
    form = {"grant_type": "device_code", "device_code": flow["device_code"], "client_secret": None}
    assert token_request(sim, http, **form).json()["error"] == "authorization_pending"


def test_discovery_names_userinfo_and_end_session(sim, http, new_app, begin):
    url = f"{sim.authority}/contoso.test/v2.0/.well-known/openid-configuration"
    found = http.get(url, timeout=5).json()
    sim.tenant.grant_consent(scopes=["https://graph.microsoft.com/User.Read"])
    app = new_app()
    uri = next(iter(sim.registration.redirect_uris))
    with pytest.warns(UserWarning, match="form_post"):
        flow = app.initiate_auth_code_flow(["User.Read"], redirect_uri=uri)
    answer = app.acquire_token_by_auth_code_flow(flow, sim.sign_in(flow["auth_uri"], SALES))
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    about = http.get(found["userinfo_endpoint"], headers=bearer, timeout=5).json()
    assert about["sub"] == answer["id_token_claims"]["sub"]
    assert about["email"] == SALES
    outlook = {"Authorization": f"Bearer {sim.new_token(SALES)}"}
    refused = http.get(found["userinfo_endpoint"], headers=outlook, timeout=5)
    assert (refused.status_code, refused.headers["www-authenticate"][:6]) == (401, "Bearer")


def test_signing_out_forgets_who_signed_in(sim, new_app, begin):
    url = begin(new_app())["auth_uri"]
    out = f"{sim.browser_url}/contoso.test/oauth2/v2.0/logout"
    uri = next(iter(sim.registration.redirect_uris))
    with requests.Session() as browser:
        browser.trust_env = False
        form = {"step": "sign_in", "username": SALES, "password": "contoso"}
        browser.post(url, data=form, allow_redirects=False, timeout=5)
        assert browser.cookies
        back = browser.get(
            out,
            params={"post_logout_redirect_uri": uri, "state": "s"},
            allow_redirects=False,
            timeout=5,
        )
        assert back.headers["location"] == f"{uri}?state=s"
        assert not browser.cookies
        foreign = {"post_logout_redirect_uri": "https://evil.example.com"}
        assert "You signed out" in browser.get(out, params=foreign, timeout=5).text


def changed(url, change):
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    query = {name: value for name, value in {**query, **change}.items() if value is not None}
    return f"{url.partition('?')[0]}?{urlencode(query)}"


def test_form_post_carries_the_answer_in_a_form(sim, new_app):
    app = new_app()
    uri = next(iter(sim.registration.redirect_uris))
    flow = app.initiate_auth_code_flow(
        list(MAIL_SCOPES), redirect_uri=uri, response_mode="form_post"
    )
    back = sim.sign_in(flow["auth_uri"], SALES)
    assert app.acquire_token_by_auth_code_flow(flow, back)["id_token_claims"]["tid"]


def test_declining_leads_back_with_access_denied(sim, new_app, begin):
    flow = begin(new_app())
    back = sim.sign_in(flow["auth_uri"], SALES, consent=False)
    assert (back["error"], back["error_subcode"]) == ("access_denied", "cancel")
    assert back["error_description"].startswith("AADSTS65004")
    assert back["state"] == flow["state"]


@pytest.mark.parametrize(
    ("username", "password", "code"),
    [
        (SALES, "wrong", "AADSTS50126"),
        ("nobody@contoso.test", "contoso", "AADSTS50034"),
        ("info@contoso.test", "contoso", "AADSTS50057"),
    ],
)
def test_a_wrong_sign_in_is_told_so(sim, new_app, begin, username, password, code):
    with pytest.raises(SignInError, match=code):
        sim.sign_in(begin(new_app())["auth_uri"], username, password=password)


def test_somebody_else_than_the_hint_may_sign_in(sim, new_app, begin):
    app = new_app()
    flow = begin(app, login_hint=SALES, prompt="select_account")
    back = sim.sign_in(flow["auth_uri"], "purchasing@contoso.test")
    claims = app.acquire_token_by_auth_code_flow(flow, back)["id_token_claims"]
    assert claims["preferred_username"] == "purchasing@contoso.test"


def test_refresh_tokens_rotate_and_old_ones_stay_valid(sim, http, tokens):
    old = tokens()["refresh_token"]
    first = token_request(sim, http, grant_type="refresh_token", refresh_token=old).json()
    second = token_request(sim, http, grant_type="refresh_token", refresh_token=old).json()
    assert len({old, first["refresh_token"], second["refresh_token"]}) == 3


def test_refresh_tokens_may_be_good_for_one_use(sim, http, tokens):
    old = tokens()["refresh_token"]
    sim.tenant.policies.refresh_tokens_once = True
    first = token_request(sim, http, grant_type="refresh_token", refresh_token=old)
    second = token_request(sim, http, grant_type="refresh_token", refresh_token=old)
    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["error"] == "invalid_grant"
    newest = first.json()["refresh_token"]
    third = token_request(sim, http, grant_type="refresh_token", refresh_token=newest)
    assert third.status_code == 200


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda sim: sim.tenant.revoke_grants(SALES), 50173),
        (lambda sim: sim.tenant.withdraw_consent(SALES), 65001),
        (lambda sim: sim.tenant.withdraw_consent(), 65001),
        (lambda sim: sim.reset(), 50173),
    ],
    ids=["revoked", "consent withdrawn", "every consent withdrawn", "reset"],
)
def test_a_lost_grant_does_not_refresh(sim, http, tokens, act, code):
    held = tokens()["refresh_token"]
    act(sim)
    answer = token_request(sim, http, grant_type="refresh_token", refresh_token=held)
    assert answer.json()["error"] == "invalid_grant"
    assert answer.json()["error_codes"] == [code]


def test_revoking_one_user_leaves_the_others(sim, http, tokens):
    held = tokens(ADMIN)["refresh_token"]
    sim.tenant.revoke_grants(SALES)
    answer = token_request(sim, http, grant_type="refresh_token", refresh_token=held)
    assert answer.status_code == 200


def test_a_tampered_refresh_token_is_refused(sim, http, tokens):
    held = tokens()["refresh_token"]
    answer = token_request(sim, http, grant_type="refresh_token", refresh_token=held[:-8])
    assert answer.json()["error_codes"] == [70000]
    access = tokens()["access_token"]
    answer = token_request(sim, http, grant_type="refresh_token", refresh_token=access)
    assert answer.json()["error_codes"] == [70000]


def test_the_lifetime_of_tokens_is_a_policy(sim, tokens):
    sim.tenant.policies.token_lifetime = 61
    answer = tokens()
    assert answer["expires_in"] == 61
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 61


def test_device_code(sim, http, new_app):
    app = new_app(kind=msal.PublicClientApplication)
    flow = app.initiate_device_flow(list(MAIL_SCOPES))
    first = app.acquire_token_by_device_flow({**flow, "expires_at": 0})
    assert first["error"] == "authorization_pending"
    page = f"{flow['verification_uri']}?user_code={flow['user_code']}"
    with pytest.raises(SignInError, match="You have signed in"):
        sim.sign_in(page, SALES)
    answer = app.acquire_token_by_device_flow(flow)
    assert answer["id_token_claims"]["preferred_username"] == SALES
    refreshed = app.acquire_token_silent_with_error(
        list(MAIL_SCOPES), app.get_accounts()[0], force_refresh=True
    )
    assert "access_token" in refreshed


def test_a_declined_device_is_told_so(sim, new_app):
    app = new_app(kind=msal.PublicClientApplication)
    flow = app.initiate_device_flow(list(MAIL_SCOPES))
    page = f"{flow['verification_uri']}?user_code={flow['user_code']}"
    with pytest.raises(SignInError, match="You declined"):
        sim.sign_in(page, SALES, consent=False)
    assert app.acquire_token_by_device_flow(flow)["error"] == "authorization_declined"


def test_client_credentials_carry_roles(new_app):
    app = new_app()
    answer = app.acquire_token_for_client(["https://outlook.office365.com/.default"])
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    assert claims["roles"] == ["IMAP.AccessAsApp", "SMTP.SendAsApp"]
    assert claims["aud"] == "https://outlook.office365.com"
    assert "upn" not in claims


@pytest.mark.parametrize(
    ("tenant", "scope", "code"),
    [
        ("common", "https://outlook.office365.com/.default", 50059),
        ("contoso.test", "https://outlook.office.com/SMTP.Send", 1002012),
    ],
)
def test_client_credentials_are_refused(sim, http, tenant, scope, code):
    form = {
        "grant_type": "client_credentials",
        "client_id": sim.registration.client_id,
        "client_secret": sim.registration.client_secret,
        "scope": scope,
    }
    url = f"{sim.authority}/{tenant}/oauth2/v2.0/token"
    assert http.post(url, data=form, timeout=5).json()["error_codes"] == [code]


def test_no_secret_is_kept_in_the_requests_seen(sim, tokens):
    answer = tokens()
    seen = repr(sim.requests) + repr(sim.registration) + repr(sim.tenant)
    assert "/oauth2/v2.0/token" in seen
    secrets = (sim.registration.client_secret, answer["refresh_token"], answer["access_token"])
    assert not [secret for secret in secrets if secret in seen]


def test_plain_http_offers_no_token_endpoint(sim):
    url = f"{sim.browser_url}/contoso.test/oauth2/v2.0/token"
    assert requests.post(url, data={}, timeout=5).status_code == 404
