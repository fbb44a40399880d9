"""The OAuth checklist: twenty points, each held by the tests that bear its number.

Everything goes through the hooks against the simulator; points that are the host's to keep are
shown on the reference host. `make oauth-checklist` prints the table.
"""

import base64
import hashlib
import json
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import jwt
import pytest
from marshmallow import ValidationError
from salesorder_m365 import plugin
from salesorder_m365.plugin.errors import BadRequestError, NotAllowedError
from salesorder_m365.plugin.store.attempts import digest, find_attempt
from salesorder_m365.plugin.store.engines import engine_for, reading
from salesorder_m365.plugin.store.sealing import KeyRing
from salesorder_m365.plugin.store.tables import attempt, grant
from salesorder_m365.plugin.wire.http import DeadlineSession
from salesorder_m365.simulator.identity.faults import TokenFault
from salesorder_m365.simulator.tenant.people import PEOPLE
from sqlalchemy import func, select
from support.client_certificate import certificate_pem
from support.erp import BROWSER, FORM, WORKER
from support.return_targets import OFF_SITE, ON_SITE
from tools.oauth_checklist import POINTS

SALES, PURCHASING = "sales@contoso.test", "purchasing@contoso.test"
OUTLOOK = "https://outlook.office.com/"
EXACT_SCOPES = {
    f"{OUTLOOK}IMAP.AccessAsUser.All",
    f"{OUTLOOK}SMTP.Send",
    "offline_access",
    "openid",
    "profile",
}
QUIET = {"referrer-policy": "no-referrer", "cache-control": "no-store"}


def asked(url):
    """Return the parameters of an authorization URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@pytest.fixture
def database(erp):
    """Return a function that answers a SELECT of the host's database."""

    def ask(query):
        with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
            return connection.execute(query).mappings().all()

    return ask


@pytest.fixture
def flow_of(erp):
    """Return a function that opens the sealed flow of an attempt, by its state."""

    def opened(state):
        with reading(engine_for(erp.name, erp.settings.database_url)) as connection:
            row = find_attempt(connection, state)
        return json.loads(row.open_flow(KeyRing(erp.settings.key_ring)))

    return opened


@pytest.fixture
def posted(mocker):
    """Return a function that gives the form of each POST to Microsoft."""
    request = mocker.spy(DeadlineSession, "request")

    def forms():
        calls = [(*call.args[1:3], call.kwargs) for call in request.call_args_list]
        return [options["data"] for method, _, options in calls if method == "POST"]

    return forms


@pytest.fixture
def returned(erp, sim):
    """An account that is signing in, and the query with which its browser comes back."""
    account_id = erp.save().id
    return account_id, sim.sign_in(erp.begin(account_id).url, SALES)


def codes_redeemed(sim):
    return sim.count(grant_type="authorization_code")


def test_01_s256_challenge_of_a_fresh_verifier(erp, flow_of):
    account_id = erp.save().id
    verifiers = set()
    for _ in range(5):
        query = asked(erp.begin(account_id).url)
        verifier = flow_of(query["state"])["code_verifier"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        assert query["code_challenge_method"] == "S256"
        assert query["code_challenge"] == challenge.rstrip(b"=").decode()
        assert re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier)
        verifiers.add(verifier)
    assert len(verifiers) == 5


def test_01_the_verifier_is_what_redeems_the_code(erp, returned, flow_of, posted):
    verifier = flow_of(returned[1]["state"])["code_verifier"]
    assert erp.finish(returned[1]).code == "connected"
    [form] = posted()
    assert form["code_verifier"] == verifier


def test_02_state_of_128_bits_stored_as_a_hash_for_ten_minutes(erp, database, tmp_path):
    account_id = erp.save().id
    states = [asked(erp.begin(account_id).url)["state"] for _ in range(5)]
    rows = database(select(attempt))
    assert {row["state_hash"] for row in rows} == {digest(state) for state in states}
    for state in states:
        # 22 characters of base64url hold 132 bits.
        assert re.fullmatch(r"[A-Za-z0-9_-]{22,}", state)
    on_disk = b"".join(file.read_bytes() for file in tmp_path.glob("m365.db*"))
    assert [state for state in states if state.encode() in on_disk] == []
    longest = datetime.now(UTC) + timedelta(minutes=10)
    assert all(row["expires_at"] <= longest for row in rows)


@pytest.mark.parametrize(
    ("seconds", "code"), [(590, "connected"), (601, "expired")], ids=["in time", "late"]
)
def test_02_a_state_lives_ten_minutes(erp, sim, returned, seconds, code):
    erp.later = timedelta(seconds=seconds)
    assert erp.finish(returned[1]).code == code
    assert codes_redeemed(sim) == (code == "connected")


@pytest.mark.parametrize("browser", ["another-browser-altogether", BROWSER + "x", ""])
def test_03_another_browser_is_refused_without_a_token_request(erp, sim, returned, browser):
    account_id, query = returned
    outcome = erp.finish(query, browser=browser)
    assert (outcome.code, outcome.finding.code) == ("expired", "attempt_foreign")
    assert codes_redeemed(sim) == 0
    assert erp.view(account_id).state == "draft"


def test_04_of_parallel_replays_one_proceeds(erp, sim):
    account_id = erp.save().id
    for _ in range(3):
        sim.requests.clear()
        query = sim.sign_in(erp.begin(account_id).url, SALES)
        at_once, ended = threading.Barrier(8), []

        def replay(query=query, at_once=at_once, ended=ended):
            at_once.wait(10)
            ended.append(str(erp.finish(query).code))

        threads = [threading.Thread(target=replay) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        # The others wait for the one that redeems the code.
        assert ended == ["connected"] * 8
        assert codes_redeemed(sim) == 1


def test_04_the_state_is_consumed_before_the_code_is_redeemed(erp, sim, returned):
    sim.faults.add(TokenFault(status=503))
    first = erp.finish(returned[1])
    assert first.code == "unavailable"
    assert erp.finish(returned[1]) == first
    assert codes_redeemed(sim) == 1


def test_05_another_worker_is_refused(erp, sim, returned):
    account_id, query = returned
    outcome = erp.finish(query, worker="worker-2")
    assert (outcome.code, outcome.finding.code) == ("expired", "attempt_foreign")
    assert (outcome.account_id, outcome.expected) == (None, None)
    assert codes_redeemed(sim) == 0
    assert erp.view(account_id).state == "draft"


def test_05_the_grant_goes_to_the_account_that_it_was_begun_for(erp, sim):
    one = erp.save().id
    other = erp.save(request_id="request-2", account_name="Other").id
    queries = {each: sim.sign_in(erp.begin(each).url, SALES) for each in (one, other)}
    assert erp.finish(queries[other]).account_id == other
    assert (erp.view(one).state, erp.view(other).state) == ("draft", "connected")


def test_05_a_permission_taken_away_meanwhile_counts(erp, sim, returned):
    erp.denied = {"mail_accounts.connect"}
    with pytest.raises(NotAllowedError):
        erp.finish(returned[1])
    assert codes_redeemed(sim) == 0


def test_06_a_wrong_nonce_is_refused(erp, sim, database):
    account_id = erp.save().id
    url = erp.begin(account_id).url
    query = sim.sign_in(url.replace(asked(url)["nonce"], "n" * 43), SALES)
    outcome = erp.finish(query)
    assert (outcome.code, codes_redeemed(sim)) == ("refused", 1)
    assert erp.view(account_id).state == "draft"
    assert database(select(grant)) == []


@pytest.fixture
def id_token_with(erp, sim):
    """Let the next code bring an id token whose claims are changed; return the callback's query."""

    def scripted(account_id, **changes):
        url = erp.begin(account_id).url
        issuer = sim._entra.issuer
        honest = issuer.id_token(PEOPLE[SALES], asked(url)["nonce"])
        claims = jwt.decode(honest, options={"verify_signature": False}) | changes
        claims = {name: value for name, value in claims.items() if value is not None}
        body = {
            "token_type": "Bearer",
            "access_token": "an-access-token",
            "refresh_token": "a-refresh-token",
            "expires_in": 3600,
            "id_token": sim.signing_key.sign(claims),
        }
        query = sim.sign_in(url, SALES)
        sim.faults.add(TokenFault(status=200, body=body))
        return query

    return scripted


STRANGER = "11111111-2222-4333-8444-555555555555"
FOREIGN = {
    "iss": {"iss": f"https://login.microsoftonline.com/{STRANGER}/v2.0"},
    "tid": {"tid": STRANGER},
    "aud": {"aud": STRANGER},
    "aud with ours beside": {"iss": f"https://sts.windows.net/{STRANGER}/", "tid": STRANGER},
    "exp": {"exp": int(time.time()) - 3600},
    "no iss": {"iss": None},
    "no aud": {"aud": None},
    "no tid": {"tid": None},
    "tid no id": {"tid": "contoso"},
}


def test_07_the_id_token_as_it_should_be_is_taken(erp, id_token_with):
    assert erp.finish(id_token_with(erp.save().id)).code == "connected"


@pytest.mark.parametrize("changes", FOREIGN.values(), ids=FOREIGN)
def test_07_an_id_token_for_somebody_else_stores_nothing(erp, database, id_token_with, changes):
    account_id = erp.save().id
    outcome = erp.finish(id_token_with(account_id, **changes))
    assert (outcome.code, outcome.finding.code) == ("refused", "foreign_token")
    assert erp.view(account_id).state == "draft"
    assert database(select(grant)) == []


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.microsoftonline.com/common/v2.0",
        "https://evil.example.com",
        "",
        "{honest}/",
        "{honest}.evil.example.com",
    ],
)
def test_07_a_mix_up_is_noticed_before_the_code_is_redeemed(erp, sim, returned, issuer):
    account_id, query = returned
    honest = sim._entra.issuer_name("contoso.test")
    outcome = erp.finish(query | {"iss": issuer.format(honest=honest)})
    assert (outcome.code, outcome.finding.code) == ("refused", "foreign_token")
    assert codes_redeemed(sim) == 0
    assert erp.view(account_id).state == "draft"


def test_07_the_right_issuer_in_the_callback_is_taken(erp, sim, returned):
    honest = sim._entra.issuer_name("contoso.test")
    assert erp.finish(returned[1] | {"iss": honest}).code == "connected"


def test_08_the_request_cannot_name_an_authority(erp, sim, returned, mocker):
    request = mocker.spy(DeadlineSession, "request")
    named = {
        "authority": "https://evil.example.com",
        "cloud_instance_host_name": "evil.example.com",
        "cloud_instance_name": "evil",
        "token_endpoint": "https://evil.example.com/token",
        "tenant": STRANGER,
        "session_state": "x",
    }
    assert erp.finish(returned[1] | named).code == "connected"
    places = {urlsplit(call.args[2]).netloc for call in request.call_args_list}
    assert places == {urlsplit(sim.authority).netloc}


def test_08_an_attempt_of_another_authority_is_not_redeemed(erp, sim, returned, settings_for):
    erp.settings = settings_for(
        sim,
        tenant="organizations",
        database_url=erp.settings.database_url,
        key_ring=",".join(
            f"{key.id}:{base64.b64encode(key.secret).decode()}" for key in erp.settings.key_ring
        ),
    )
    assert erp.finish(returned[1]).code == "expired"
    assert codes_redeemed(sim) == 0


SPOOFED = {
    "Host": "evil.example.com",
    "X-Forwarded-Host": "evil.example.com",
    "X-Forwarded-Proto": "https",
    "Forwarded": "host=evil.example.com;proto=https",
    "X-Original-Host": "evil.example.com",
}


@pytest.mark.parametrize("header", SPOOFED)
def test_09_the_redirect_uri_comes_from_the_settings(front, header):
    admin = front.browser()
    page = admin.new_account(FORM)
    values = {"csrf": admin.csrf(page)}
    spoofed = {header: SPOOFED[header]}
    left = admin.post(page + "/login", data=values, headers=spoofed)
    assert "evil.example.com" not in left.headers["location"]
    left = admin.get(left.headers["location"].removeprefix(admin.url), headers=spoofed)
    assert "evil.example.com" not in left.headers["location"]
    if header != "Host":  # another Host is sent to the canonical one, and begins nothing
        assert asked(left.headers["location"])["redirect_uri"] == front.host.settings.redirect_uri


def test_09_the_code_is_redeemed_with_the_same_redirect_uri(erp, returned, posted):
    erp.finish(returned[1])
    assert [form["redirect_uri"] for form in posted()] == [erp.settings.redirect_uri]


@pytest.mark.parametrize(
    "base_url", ["https://erp.example.com", "http://localhost:8365", "http://127.0.0.1:8365"]
)
def test_09_https_or_loopback(sim, settings_for, base_url):
    assert settings_for(sim, base_url=base_url).redirect_uri.startswith(base_url)


@pytest.mark.parametrize(
    "base_url",
    ["http://erp.example.com", "http://localhost.evil.example.com", "ftp://erp.example.com"],
)
def test_09_no_plain_http_elsewhere(sim, settings_for, base_url):
    with pytest.raises(ValidationError) as refused:
        settings_for(sim, base_url=base_url)
    assert list(refused.value.messages_dict) == ["base_url"]


def test_10_no_return_target_leads_off_the_host(erp, database):
    account_id = erp.save().id
    for target in OFF_SITE:
        with pytest.raises(BadRequestError, match="return_to"):
            erp.begin(account_id, return_to=target)
    assert database(select(func.count()).select_from(attempt)) == [{"count_1": 0}]


@pytest.mark.parametrize("target", ON_SITE)
def test_10_the_way_back_is_the_one_that_was_begun_with(erp, sim, target):
    query = sim.sign_in(erp.begin(erp.save().id, return_to=target).url, SALES)
    evil = {"return_to": "//evil.example.com", "next_url": "//evil.example.com"}
    assert erp.finish(query | evil).next_url == target


@pytest.mark.parametrize(
    ("worker", "method", "csrf", "status"),
    [
        ("admin", "GET", True, 405),
        ("admin", "POST", False, 403),
        ("sales", "POST", True, 403),
        ("admin", "POST", True, 303),
    ],
    ids=["a GET", "no CSRF token", "no permission", "as it should be"],
)
def test_11_login_needs_a_post_a_csrf_token_and_a_permission(front, worker, method, csrf, status):
    page = front.browser().new_account(FORM)
    browser = front.browser(worker)
    values = {"csrf": browser.csrf("/") if csrf else "x" * 43}
    answer = browser.request(method, page + "/login", data=values)
    assert answer.status_code == status
    if status == 303:
        browser.get(answer.headers["location"])
    with reading(engine_for(front.host.name, front.host.settings.database_url)) as connection:
        begun = connection.scalar(select(func.count()).select_from(attempt))
    assert begun == (status == 303)


NOT_OURS = {
    "no state": lambda state: {},
    "empty": lambda state: {"state": ""},
    "unknown": lambda state: {"state": "s" * 43},
    "cut": lambda state: {"state": state[:-1]},
    "longer": lambda state: {"state": state + "A"},
    "other case": lambda state: {"state": state.swapcase()},
    "its hash": lambda state: {"state": digest(state)},
    "endless": lambda state: {"state": state * 1000},
}


@pytest.mark.parametrize("change", NOT_OURS.values(), ids=NOT_OURS)
def test_12_a_code_without_a_matching_state_is_not_redeemed(erp, sim, returned, change):
    account_id, query = returned
    assert erp.finish({"code": query["code"], **change(query["state"])}) is None
    assert codes_redeemed(sim) == 0
    assert erp.view(account_id).state == "draft"


def test_13_the_redirect_says_303_no_referrer_no_store(erp):
    account_id = erp.save().id
    begin = {"host": erp, "account_id": account_id, "worker": WORKER, "browser": BROWSER}
    for hook in (erp.hook.salesorder_login_begin, erp.hook.salesorder_consent_begin):
        redirect = hook(**begin, return_to="/mail/1")
        headers = {name.lower(): value for name, value in redirect.headers.items()}
        assert (redirect.status, headers) == (303, QUIET)


def test_13_the_reference_host_sends_them(front, sim):
    admin = front.browser()
    page = admin.new_account(FORM)
    left = admin.leave(page)
    query = sim.sign_in(left.headers["location"], SALES)
    back = admin.get(front.callback, params=query)
    led = admin.get(back.headers["location"])
    for answer in (left, back, led):
        assert answer.status_code == 303
        assert QUIET.items() <= {(n.lower(), v) for n, v in answer.headers.items()}
    assert query["code"] not in back.headers["location"]
    assert led.headers["location"] == page


def test_14_somebody_else_is_shown_and_stores_nothing(erp, sim, database):
    account_id = erp.save().id
    outcome = erp.sign_in(sim, account_id, PURCHASING)
    assert outcome.code == "wrong_user"
    assert (outcome.signed_in_as, outcome.expected) == (PURCHASING, SALES)
    assert database(select(grant)) == []
    assert erp.events[-1].name == "authn_login_fail"


def test_14_the_grant_that_was_there_stays(erp, sim, database):
    account_id = erp.connected(sim)
    before = database(select(grant))
    assert erp.sign_in(sim, account_id, PURCHASING).code == "wrong_user"
    assert database(select(grant)) == before
    assert erp.view(account_id).signed_in_as == SALES


def test_14_who_signed_in_is_shown(erp, sim):
    assert erp.view(erp.connected(sim)).signed_in_as == SALES


def test_15_the_scopes_are_the_exact_set(erp, sim, posted):
    account_id = erp.save().id
    url = erp.begin(account_id).url
    assert set(asked(url)["scope"].split()) == EXACT_SCOPES
    assert erp.finish(sim.sign_in(url, SALES)).code == "connected"
    erp.expire_token(account_id)
    assert erp.test(account_id).passed
    sent = [set(form["scope"].split()) for form in posted()]
    assert sent == [EXACT_SCOPES] * 2


def test_16_no_password_grant_and_no_implicit(erp, sim):
    account_id = erp.save().id
    url = erp.begin(account_id).url
    assert asked(url)["response_type"] == "code"
    assert asked(url)["response_mode"] == "query"
    erp.finish(sim.sign_in(url, SALES))
    erp.expire_token(account_id)
    erp.test(account_id)
    kinds = {seen.grant_type for seen in sim.requests if seen.grant_type}
    assert kinds == {"authorization_code", "refresh_token"}


def test_16_the_code_has_no_other_way_to_a_token():
    sources = [file.read_text() for file in Path(plugin.__file__).parent.rglob("*.py")]
    ways = {w for source in sources for w in re.findall(r"\b(?:acquire|obtain)_token\w*", source)}
    assert ways == {
        "acquire_token_by_auth_code_flow",
        "acquire_token_silent_with_error",
        # On the command line only: a device code, and the app itself.
        "obtain_token_by_device_flow",
        "acquire_token_for_client",
    }


def test_17_a_certificate_instead_of_a_secret(erp, sim, settings_for, tmp_path, posted):
    file = tmp_path / "client.pem"
    file.write_bytes(certificate_pem())
    sim.registration.add_certificate(file.read_bytes())
    erp.settings = settings_for(sim, client_secret=None, client_certificate=str(file))
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    assert erp.test(account_id).passed
    forms = posted()
    assert len(forms) == 2
    for form in forms:
        assert form["client_assertion_type"].endswith(":jwt-bearer")
        assert "client_secret" not in form


MARKUP = '<script>alert(1)</script><img src=x onerror="alert(2)">'


def test_18_an_error_description_is_escaped(front):
    admin = front.browser()
    page = admin.new_account(FORM)
    state = asked(admin.leave(page).headers["location"])["state"]
    described = {"state": state, "error": "server_error", "error_description": MARKUP}
    back = admin.come_back(front.callback, described)
    shown = admin.get(back.headers["location"]).text
    assert "&lt;script&gt;alert(1)" in shown
    assert "<script>alert(1)" not in shown
    assert "<img src=x" not in shown


MISLEADING = ["", MARKUP, "invalid_client", "Success. The user has signed in.", "access_denied"]


@pytest.mark.parametrize("text", MISLEADING, ids=range(len(MISLEADING)))
def test_18_no_outcome_depends_on_the_description(erp, sim, text):
    account_id = erp.save().id
    state = asked(erp.begin(account_id).url)["state"]
    turned_away = {"state": state, "error": "server_error", "error_description": text, "code": "c"}
    outcome = erp.finish(turned_away)
    assert (outcome.code, outcome.finding.code) == ("unavailable", "microsoft_unavailable")
    assert (codes_redeemed(sim), erp.view(account_id).state) == (0, "draft")


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        (
            TokenFault(
                status=400,
                body={
                    "error": "temporarily_unavailable",
                    "error_description": "AADSTS70008: invalid_grant, the token has run out",
                },
            ),
            "connected",
        ),
        (
            TokenFault(
                status=400,
                body={"error": "invalid_grant", "error_description": "temporarily_unavailable"},
            ),
            "sign_in_needed",
        ),
    ],
    ids=["passing", "final"],
)
def test_18_no_grant_is_lost_by_a_description(erp, sim, fault, state):
    account_id = erp.connected(sim)
    erp.expire_token(account_id)
    sim.faults.add(fault)
    erp.test(account_id)
    assert erp.view(account_id).state == state


def test_19_disconnect_deletes_the_ciphertext_and_is_audited(erp, sim, database):
    account_id = erp.connected(sim)
    assert len(database(select(grant))) == 1
    erp.hook.salesorder_disconnect(host=erp, account_id=account_id, worker=WORKER)
    assert database(select(grant)) == []
    event = erp.events[-1]
    assert (event.name, event.worker, event.account_id) == (
        "authn_token_deleted",
        WORKER,
        account_id,
    )


def test_20_neither_code_nor_state_in_logs(erp, sim, front, everything):
    seen = []

    def played(url):
        query = sim.sign_in(url, SALES)
        seen.append(query)
        return query

    account_id = erp.save().id
    query = played(erp.begin(account_id).url)
    everything.turn_up()  # MSAL's loggers are there by now
    assert erp.finish(query, browser="another-browser-altogether").code == "expired"
    assert erp.finish(query).code == "connected"
    assert erp.finish(query).code == "connected"
    sim.faults.add(TokenFault(status=200, body=b"<html>"))
    assert erp.sign_in(sim, account_id).code == "unavailable"
    admin = front.browser()
    page = admin.new_account(FORM)
    left = admin.leave(page).headers["location"]
    assert admin.come_back(front.callback, played(left)).headers["location"] == page
    assert admin.get(front.callback + "?" + urlencode(seen[-1])).status_code == 303
    assert {
        "salesorder_m365.plugin.sign_in.sign_in",
        "urllib3.connectionpool",
    } & everything.speakers()
    for each in seen:
        for name in ("code", "state"):
            assert each[name] not in everything.text
            assert quote(each[name], safe="") not in everything.text


def test_every_point_has_its_tests():
    numbers = {int(name[5:7]) for name in globals() if re.match(r"test_\d\d_", name)}
    assert numbers == set(POINTS) == set(range(1, 21))
