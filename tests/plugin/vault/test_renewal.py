"""One valid token for each caller: what ends a grant, what is waited for, what a press asks."""

import json

import pytest
from salesorder_m365.plugin.context import Context
from salesorder_m365.plugin.entra.identity import Identity
from salesorder_m365.plugin.errors import (
    M365Error,
    RegistrationError,
    SignInNeededError,
    StoreError,
    UnavailableError,
)
from salesorder_m365.plugin.store import grants
from salesorder_m365.plugin.store.engines import dispose_engines, reading, writing
from salesorder_m365.plugin.store.tables import grant
from salesorder_m365.plugin.use_cases import UseCases
from salesorder_m365.plugin.vault.presses import PRESSES, Presses
from salesorder_m365.simulator.identity.faults import TokenFault
from support.erp import Erp


class Office:
    """An account that is signed in, its row, and what Microsoft answers next."""

    def __init__(self, erp, sim):
        self.erp, self.sim = erp, sim
        self.account = erp.connected(sim)
        self.context = Context(erp, erp.events.append)
        self.vault = UseCases(self.context).vault

    def token(self, **how):
        return self.vault.token(self.account, **how)

    def refused(self, **how):
        """Return the error that asking raises."""
        with pytest.raises(M365Error) as raised:
            self.token(**how)
        return raised.value

    def row(self):
        with reading(self.context.engine) as connection:
            return grants.read_grant(connection, self.account)

    def set(self, **values):
        """Change the row; a number of seconds stands for that long from now."""
        read_at = self.row().read_at
        at = {
            name: int(value + read_at) if name == "expires_at" else value + read_at
            for name, value in values.items()
            if isinstance(value, int)
        }
        with writing(self.context.engine) as connection:
            connection.execute(grant.update().values(**values | at))

    def answer(self, **scripted):
        self.sim.faults.add(TokenFault(**{"grant_type": "refresh_token"} | scripted))

    @property
    def posts(self):
        return self.sim.count(grant_type="refresh_token")

    @property
    def state(self):
        return self.erp.view(self.account).state

    def alarms(self):
        return [e.details["code"] for e in self.erp.events if e.name == "registration_refused"]


@pytest.fixture
def office(sim, settings_for):
    yield Office(Erp(settings_for(sim)), sim)
    dispose_engines()


# What ends a grant ------------------------------------------------------------------------------

ENDS = {
    "invalid_grant": {"error": "invalid_grant", "aadsts": 700082},
    "interaction_required": {"error": "interaction_required", "aadsts": 50076},
    "login_required": {"error": "login_required"},
    "consent_required": {"error": "consent_required", "aadsts": 65001},
}
PASSES = {
    "a gateway's 403": {"status": 403, "error": "forbidden"},
    "a gateway's 403 with an object": {"status": 403, "body": {"error": {"code": "Blocked"}}},
    "a gateway's 404": {"status": 404, "error": "not_found"},
    "a word nobody knows": {"error": "computer_says_no"},
    "an empty word": {"body": {"error": ""}},
    "request_loop": {"error": "invalid_grant", "aadsts": 50196},
    "busy": {"error": "interaction_required", "aadsts": 90033},
    "access_denied": {"error": "access_denied", "aadsts": 50105},
}
REGISTRATION = {
    "invalid_request": {"error": "invalid_request", "aadsts": 900144},
    "invalid_resource": {"error": "invalid_resource", "aadsts": 500011},
    "invalid_scope": {"error": "invalid_scope", "aadsts": 70011},
    "invalid_client": {"error": "invalid_client", "status": 401, "aadsts": 7000222},
    "unauthorized_client": {"error": "unauthorized_client", "aadsts": 700016},
}


@pytest.mark.parametrize("answer", ENDS.values(), ids=ENDS)
def test_a_closed_list_ends_a_grant(office, answer):
    office.set(expires_at=-1)
    office.answer(**answer)
    assert isinstance(office.refused(), SignInNeededError)
    assert office.state == "sign_in_needed"
    assert isinstance(office.refused(), SignInNeededError)
    assert office.posts == 1


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(answer, UnavailableError) for answer in PASSES.values()]
    + [(answer, RegistrationError) for answer in REGISTRATION.values()],
    ids=[*PASSES, *REGISTRATION],
)
def test_all_else_passes(office, answer, kind):
    office.set(expires_at=-1)
    office.answer(times=2, **answer)
    first, again = office.refused(), office.refused()
    assert (type(first), type(again), office.posts) == (kind, kind, 1)
    assert again.retry_after == pytest.approx(office.row().wait_left, abs=2)
    assert office.state == "connected"
    office.sim.faults.clear()
    office.set(not_before=-1)
    assert office.token().secret


@pytest.mark.parametrize("answer", [*ENDS.values(), *PASSES.values(), *REGISTRATION.values()])
def test_a_good_token_is_served_whatever_was_refused(office, answer):
    office.set(expires_at=100)
    kept = office.row().open_token(office.context.ring)
    office.answer(**answer)
    assert [office.token().secret for _ in range(3)] == [kept] * 3
    assert office.posts == 1


def test_one_alarm_for_the_registration(office):
    for answer in (PASSES["a gateway's 403"], REGISTRATION["invalid_scope"]):
        office.set(expires_at=-1, not_before=-1)
        office.answer(**answer)
        office.refused()
    assert office.alarms() == ["sign_in_refused"]


def test_a_busy_hour_alarms_nobody(office):
    office.set(expires_at=-1)
    office.answer(**PASSES["request_loop"])
    office.refused()
    assert office.alarms() == []


def test_the_wait_grows_and_a_renewal_ends_it(office):
    waits = []
    for _ in range(6):
        last = round(office.row().last_wait)
        office.set(expires_at=-1, not_before=-1, wait_set_at=-1 - last)
        office.answer(**REGISTRATION["invalid_scope"])
        office.refused()
        waits.append(round(office.row().last_wait))
    assert waits == [60, 120, 240, 480, 900, 900]
    office.set(not_before=-1, wait_set_at=-901)
    office.token()
    assert (office.row().last_wait, office.row().wait_reason) == (0, None)


# A mark is tried again ---------------------------------------------------------------------------


@pytest.fixture
def marked(office):
    """The office with a grant that Microsoft refused, for a reason that is mended since."""
    office.set(expires_at=-1)
    office.answer(**ENDS["interaction_required"])
    assert isinstance(office.refused(), SignInNeededError)
    office.sim.requests.clear()
    return office


def test_a_mark_is_tried_again_once_a_day(marked):
    marked.set(tried_at=-24 * 3600 + 5)
    assert isinstance(marked.refused(), SignInNeededError)
    assert marked.posts == 0
    marked.set(tried_at=-24 * 3600 - 5)
    marked.answer(**ENDS["interaction_required"])
    assert isinstance(marked.refused(), SignInNeededError)
    assert isinstance(marked.refused(), SignInNeededError)
    assert marked.posts == 1
    marked.set(tried_at=-24 * 3600 - 5)
    assert marked.token().secret
    assert (marked.state, marked.row().refused) == ("connected", None)


def test_a_press_tries_a_mark_again(marked):
    assert marked.token(pressed=True).secret
    assert (marked.state, marked.posts) == ("connected", 1)


def test_a_mark_that_stays_is_told_once(marked):
    marked.answer(times=5, **ENDS["interaction_required"])
    for _ in range(3):
        marked.refused(pressed=True)
    assert marked.erp.event_names().count("authn_token_revoked") == 1


# A token that a mail server refuses --------------------------------------------------------------


def test_a_young_token_that_is_refused_is_not_renewed(office):
    for _ in range(20):
        secret = office.token().secret
        assert office.token(rejected=secret).secret == secret
    assert office.posts == 0


def test_an_older_one_is_renewed_once_a_minute(office):
    office.set(obtained_at=-61)
    first = office.token().secret
    second = office.token(rejected=first).secret
    assert second != first
    assert office.token(rejected=second).secret == second
    assert office.token(rejected=first).secret == second
    assert office.posts == 1


@pytest.mark.parametrize("obtained_at", [None, 3600], ids=["not known", "clock set back"])
def test_a_token_of_unknown_age_is_renewed(office, obtained_at):
    office.set(obtained_at=obtained_at)
    secret = office.token().secret
    assert office.token(rejected=secret).secret != secret


# Clocks ------------------------------------------------------------------------------------------


def test_a_dead_lease_from_before_the_clock_was_set_back_locks_nobody(office):
    office.set(expires_at=-1, lease_owner="dead", lease_until=3600)
    assert office.token().secret
    assert office.posts == 1


def test_nor_does_a_wait(office):
    office.set(expires_at=-1)
    office.answer(status=503)
    office.refused()
    office.set(not_before=3605, wait_set_at=3600)
    assert office.token().secret


# The reason is told again ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "invalid_client", "status": 401, "aadsts": 7000222}, "secret_expired"),
        ({"status": 429, "headers": {"Retry-After": "40"}}, "throttled"),
        ({"status": 503}, "microsoft_unavailable"),
        (PASSES["a gateway's 403"], "sign_in_refused"),
        (ENDS["interaction_required"], "interaction_required"),
    ],
)
def test_every_press_finds_the_same(office, answer, code):
    office.set(expires_at=-1)
    office.answer(times=50, **answer)
    found = []
    for _ in range(PRESSES + 3):  # the last ones without asking
        (finding,) = office.erp.test(office.account).findings
        found.append(finding.code)
    assert found == [code] * len(found)
    assert office.posts <= PRESSES


def test_a_wait_that_microsoft_asked_for_holds_for_a_press_too(office):
    office.set(expires_at=-1)
    office.answer(status=429, headers={"Retry-After": "40"})
    assert isinstance(office.refused(pressed=True), UnavailableError)
    again = office.refused(pressed=True)
    assert (office.posts, again.reason) == (1, "status 429")
    assert 35 < again.retry_after <= 40


def test_a_press_asks_again_what_others_wait_for(office):
    office.sim.tenant.policies.secret_expired = True
    office.set(expires_at=-1)
    assert office.refused().code == "secret_expired"
    assert office.refused().code == "secret_expired"
    office.sim.tenant.policies.secret_expired = False
    assert office.refused().code == "secret_expired"
    assert office.token(pressed=True).secret
    assert office.token().secret


# What a press claims -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (ENDS["invalid_grant"], SignInNeededError),
        (REGISTRATION["invalid_client"], RegistrationError),
    ],
)
def test_a_press_does_not_hide_a_lasting_refusal_behind_the_old_token(office, answer, kind):
    office.answer(times=2, **answer)
    assert isinstance(office.refused(pressed=True), kind)
    assert office.token().secret  # mail goes on while the old token serves


def test_a_passing_fault_leaves_the_old_token_and_says_so(office):
    office.answer(status=503)
    kept = office.token().secret
    token = office.token(pressed=True)
    assert (token.secret, type(token.not_renewed)) == (kept, UnavailableError)
    assert office.token(pressed=True).not_renewed is None


def test_presses_are_counted_by_account():
    presses = Presses()
    allowed = [presses.allow("contoso", "m365:1") for _ in range(PRESSES + 2)]
    assert allowed == [True] * PRESSES + [False] * 2
    assert presses.allow("contoso", "m365:2")
    assert presses.allow("fabrikam", "m365:1")


# The lease is given back whatever is raised ------------------------------------------------------


@pytest.mark.parametrize(
    "raised",
    [
        IndexError(),
        OverflowError(),
        RecursionError(),
        KeyboardInterrupt(),
        SystemExit(),
        StoreError("database_silent", reason="gone"),
    ],
    ids=repr,
)
def test_the_lease_is_given_back_whatever_is_raised(office, mocker, raised):
    office.set(expires_at=-1)
    mocker.patch.object(Identity, "renew", side_effect=raised)
    with pytest.raises(type(raised)):
        office.token()
    mocker.stopall()
    assert office.row().lease_owner is None
    office.set(not_before=-1)
    assert office.token().secret


# What an answer lacks ----------------------------------------------------------------------------


def reseal(office, cache):
    place = grants._place(office.account, "msal_cache")
    office.set(expires_at=-1, msal_cache=office.context.ring.seal(cache.encode(), place))


@pytest.mark.parametrize("cache", ["{}", '{"RefreshToken": {}}', "", "no JSON"])
def test_without_a_refresh_token_somebody_must_sign_in(office, cache):
    reseal(office, cache)
    assert isinstance(office.refused(), SignInNeededError)
    assert (office.state, office.posts) == ("sign_in_needed", 0)


def test_an_answer_without_a_refresh_token_leaves_the_old_one(office, sim):
    office.set(expires_at=-1)
    office.answer(
        status=200, body={"access_token": sim.new_token("sales@contoso.test"), "expires_in": 3600}
    )
    office.token()
    cache = json.loads(office.row().open_cache(office.context.ring))
    assert cache["RefreshToken"]
    office.set(expires_at=-1)
    assert office.token().secret
    assert office.posts == 2
