"""An identity provider whose every field, header and status Hypothesis draws.

Through sign-in, renewal, device flow and consent, by the hooks: what comes out is right or an error
of ours, the lease is free, an event is kept, and no frame of an error holds a secret.
"""

import base64
import os
import resource
import traceback
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.entra import identity as identity_module
from salesorder_m365.plugin.entra.claims import ForeignTokenError, check_id_token
from salesorder_m365.plugin.entra.identity import Identity
from salesorder_m365.plugin.entra.refusals import UnfitAnswerError
from salesorder_m365.plugin.errors import M365Error
from salesorder_m365.plugin.settings.clouds import endpoints
from salesorder_m365.plugin.sign_in import sign_in
from salesorder_m365.plugin.sign_in.device import signed_in_by_device as by_device
from salesorder_m365.plugin.store.engines import dispose_engines, engine_for, reading
from salesorder_m365.plugin.store.grants import read_grant
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.schemas.settings import load_settings
from salesorder_m365.schemas.signin import LoginOutcome
from support.canaries import Canaries
from support.erp import BROWSER, WORKER, Erp
from support.fake_microsoft import (
    OBJECT_ID,
    SALES,
    TENANT_ID,
    FakeMicrosoft,
    document,
    id_claims,
    jwt_of,
    response,
    tokens,
)
from support.odd_json import json_bodies, json_values, texts

EXAMPLES = 150
#: Megabytes by which the process may grow over all examples of one way.
MOST_GROWTH = 50
odd = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CLIENT_ID = "44444444-2222-3333-4444-555555555555"
STATUSES = st.one_of(
    st.just(200),
    st.sampled_from([201, 302, 400, 401, 403, 404, 429, 500, 503]),
    st.integers(100, 599),
)
FAILURES = st.sampled_from(
    [OSError(), ConnectionResetError(104, "reset"), TimeoutError("late"), BrokenPipeError(32, "x")]
)


def headers():
    return st.fixed_dictionaries({}, optional={"Retry-After": texts(), "Content-Type": texts()})


def spoilt(answer):
    """A right answer with some of its fields replaced by any value, or taken out."""
    names = st.sampled_from(sorted(answer))
    changes = st.dictionaries(names, json_values(4), max_size=3)
    return changes.map(lambda change: answer | change)


def answers(right):
    """Anything that a server may answer in the place of the `right` answer, or a failure."""
    body = st.one_of(json_bodies(), spoilt(right))
    drawn = st.builds(
        lambda body, status, more: response(body, status, **more), body, STATUSES, headers()
    )
    near = st.builds(response, spoilt(right))
    return st.one_of(near, drawn, FAILURES)


class World:
    """A host whose Microsoft is a fake; its mail servers do not answer."""

    def __init__(self, folder, port):
        secret = base64.b64encode(os.urandom(32)).decode()
        values = {
            "tenant": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": "client-secret-canary-~8Q",
            "authority": "https://login.example.com",
            "base_url": "http://localhost:8365",
            "database_url": f"sqlite:///{folder}/m365.db",
            "key_ring": f"k1:{secret}",
            "imap": f"localhost:{port}",
            "smtp": f"localhost:{port}",
        }
        self.erp = Erp(load_settings(values))
        self.microsoft = FakeMicrosoft()
        places = endpoints(self.erp.settings)
        self.identity = Identity(
            self.erp.settings,
            authority=places.authority_url,
            scopes=places.scopes,
            http=self.microsoft,
        )
        self.key = (os.getpid(), self.erp.settings)
        identity_module._identities[self.key] = self.identity
        self.account_id = self.erp.save().id
        self.canaries = Canaries()
        for name in ("access", "refresh"):
            self.canaries.add(name, f"{name}-token-canary-0001")
        self.canaries.add("client secret", values["client_secret"])
        self.examples = 0
        self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def forget_discovery(self):
        self.identity._discovery._known = None

    def begin(self):
        """Begin a sign-in; return its state and nonce."""
        self.microsoft.discovery = response(document())
        query = parse_qs(urlsplit(self.erp.begin(self.account_id).url).query)
        return query["state"][0], query["nonce"][0]

    def connect(self):
        state, nonce = self.begin()
        self.microsoft.token = response(tokens(CLIENT_ID, nonce))
        outcome = self.erp.finish({"state": state, "code": "a-code"})
        assert outcome.code == "connected", outcome

    def attempt(self, call, *args, **options):
        """Call; return the answer, or the error of ours whose frames hold no secret."""
        self.examples += 1
        try:
            return call(*args, **options)
        except M365Error as err:
            for text in (str(err), repr(err), err.finding.as_text()):
                text.encode()
            seen = traceback.TracebackException.from_exception(err, capture_locals=True)
            inside = [frame.locals for frame in seen.stack if "salesorder" not in str(frame.name)]
            assert self.canaries.found_in("".join(seen.format()) + repr(inside)) == set()
            return err

    def grant(self):
        engine = engine_for(self.erp.name, self.erp.settings.database_url)
        with reading(engine) as connection:
            return read_grant(connection, self.account_id)

    def report(self, what):
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before) / 1024
        print(f"\n{what}: {self.examples} examples, {grown:.0f} MB more")
        assert self.examples >= EXAMPLES
        assert grown < MOST_GROWTH


@pytest.fixture
def world(tmp_path, free_port):
    made = World(tmp_path, free_port)
    yield made
    identity_module._identities.pop(made.key)
    dispose_engines()


def test_any_answer_to_a_renewal(world):
    world.connect()

    @odd
    @given(answers(tokens(CLIENT_ID)))
    def renew(answer):
        if world.grant().refused:
            world.connect()
        world.erp.expire_token(world.account_id)
        world.erp.forget_waiting(world.account_id)
        world.microsoft.token = answer
        before, told = world.grant(), len(world.erp.events)
        err = world.attempt(world.erp.choices, world.account_id)
        # With a token the mail server is asked, which nobody is.
        assert isinstance(err, M365Error)
        after = world.grant()
        assert after.lease_owner is None
        names = [event.name for event in world.erp.events[told:]]
        assert ("authn_token_revoked" in names) == (after.refused is not None)
        if after.token_version == before.token_version:
            assert after.msal_cache == before.msal_cache
        assert after.expires_at <= after.read_at + 24 * 3600

    renew()
    world.report("renewals")


def test_any_answer_to_a_code(world):
    template = tokens(CLIENT_ID, "a-nonce")

    @odd
    @given(answers(template))
    def redeem(answer):
        state, nonce = world.begin()
        if not isinstance(answer, BaseException):
            fitting = tokens(CLIENT_ID, nonce)["id_token"].encode()
            content = answer.content.replace(template["id_token"].encode(), fitting)
            answer = response(content, answer.status_code, **answer.headers)
        world.microsoft.token = answer
        told = len(world.erp.events)
        outcome = world.attempt(world.erp.finish, {"state": state, "code": "a-code"})
        assert isinstance(outcome, LoginOutcome)
        connected = outcome.code == "connected"
        name = "authn_login_success" if connected else "authn_login_fail"
        assert name in [event.name for event in world.erp.events[told:]]
        if connected:
            assert outcome.signed_in_as == SALES
            assert world.grant().object_id == OBJECT_ID
        outcome.message.encode()

    redeem()
    world.report("codes")


QUERIES = st.fixed_dictionaries(
    {},
    optional={
        "code": texts(),
        "error": st.one_of(st.sampled_from(["access_denied", "permission_denied"]), texts()),
        "error_description": st.one_of(st.integers().map("AADSTS{}: no".format), texts()),
        "iss": st.one_of(st.just(document()["issuer"]), texts()),
        "tenant": st.one_of(st.just(TENANT_ID), texts()),
        "admin_consent": st.one_of(st.just("True"), texts()),
    },
)


@pytest.mark.parametrize("hook", ["salesorder_login_begin", "salesorder_consent_begin"])
def test_any_discovery_and_any_query_back(world, hook):
    where = {"account_id": world.account_id, "worker": WORKER, "browser": BROWSER}

    @odd
    @given(answers(document()), QUERIES)
    def there_and_back(discovery, query):
        world.forget_discovery()
        world.microsoft.discovery = discovery
        begin = getattr(world.erp.hook, hook)
        begun = world.attempt(begin, host=world.erp, return_to="/", **where)
        if isinstance(begun, M365Error):
            return
        url = urlsplit(begun.url)
        assert url.scheme == "https"
        told = len(world.erp.events)
        world.microsoft.token = response({"error": "invalid_grant"}, 400)
        back = query | {"state": parse_qs(url.query)["state"][0]}
        outcome = world.attempt(world.erp.finish, back)
        names = {event.name for event in world.erp.events[told:]}
        if isinstance(outcome, LoginOutcome):
            assert names & {"authn_login_fail", "authz_consent_reported"}
        if "authz_consent_reported" in names:
            assert (query["tenant"], "error" in query) == (TENANT_ID, False)

    there_and_back()
    world.report(f"{hook} and back")


DEVICE = {
    "device_code": "device-code-" + "d" * 30,
    "user_code": "ABC123DEF",
    "verification_uri": "https://login.example.com/device",
    "expires_in": 900,
    "interval": 5,
}


def test_any_answers_to_a_device_code(world, mocker):
    slept = []
    mocker.patch.object(sign_in, "signed_in_by_device", partial(by_device, sleep=slept.append))
    use_case = UseCases(Context(world.erp, world.erp.events.append)).sign_in.by_device
    # Each passing fault makes the next wait longer: three of them at most before the end.
    polls = st.lists(answers(tokens(CLIENT_ID)), max_size=3)

    @odd
    @given(answers(DEVICE), polls)
    def sign_in_by_device(begun, answered):
        world.microsoft.discovery = response(document())
        world.microsoft.device = begun
        left = [*answered, response({"error": "expired_token"}, 400)]
        world.microsoft.token = lambda _: left.pop(0)
        slept.clear()
        told = len(world.erp.events)
        outcome = world.attempt(use_case, world.account_id, WORKER, lambda code: None)
        assert isinstance(outcome, LoginOutcome)
        assert all(0 < seconds <= 60 + 3 * 5 for seconds in slept)
        names = {event.name for event in world.erp.events[told:]}
        assert names & {"authn_login_success", "authn_login_fail"}

    sign_in_by_device()
    world.report("device codes")


CLAIMS = st.fixed_dictionaries(
    {},
    optional={
        name: json_values(4)
        for name in (
            *("iss", "aud", "exp", "nbf", "iat", "sub", "tid", "oid", "jti", "nonce"),
            *("preferred_username", "upn", "unique_name", "email", "crit"),
        )
    },
)


@settings(max_examples=4 * EXAMPLES, deadline=None)
@given(CLAIMS, st.lists(st.sampled_from(["iss", "aud", "exp", "tid", "oid"]), max_size=2))
def test_any_claims_of_an_id_token(changes, taken_out):
    claims = {
        name: value
        for name, value in (id_claims(CLIENT_ID) | changes).items()
        if name not in taken_out
    }
    told = {"issuer": document()["issuer"], "client_id": CLIENT_ID, "tenant": TENANT_ID}
    try:
        user = check_id_token(jwt_of(claims), **told)
    except (ForeignTokenError, UnfitAnswerError):
        return
    assert not taken_out
    assert user.tenant_id == TENANT_ID
    texts_given = [value for value in (SALES, *changes.values()) if isinstance(value, str)]
    assert user.username in {text.strip() for text in texts_given}
    user.username.encode()
